package cache

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// validators are the servers that tell versions apart, each with a change that it shows.
var validators = map[string]struct {
	say    apitest.Validators
	change func(*apitest.Tree, string)
}{
	"ETag":          {apitest.ValidatorETag, change},
	"weak ETag":     {apitest.ValidatorWeakETag, change},
	"Last-Modified": {apitest.ValidatorLastModified, changeTime},
	"both":          {apitest.ValidatorsBoth, change},
}

// A version that is gone gives what is kept and nothing else; the new one gives nothing
// of it, though its attributes are the same.
func TestNewContentHasNoOldBytes(t *testing.T) {
	for name, v := range validators {
		for _, noRange := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", no ranges"}[noRange], func(t *testing.T) {
				tree := oneFile(8 * BlockSize)
				s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{Validators: v.say, NoRange: noRange}})
				version, older := s.untimed("f"), tree.Bytes("f")
				old := s.blocks.Content(version)
				first := old.Open()
				same(t, first, older, 2, 3)
				first.Close()
				v.change(tree, "f")
				o := old.Open()
				defer o.Close()
				refused(t, o, 4, 4)
				same(t, o, older, 2, 3)
				refused(t, o, 1, 5)
				if !old.Replaced() {
					t.Error("the old content does not know that it is replaced")
				}
				n := s.open(t, version)
				same(t, n, tree.Bytes("f"), 2, 3)
				same(t, n, tree.Bytes("f"), 0, 7)
				if n.content.Replaced() {
					t.Error("the new content counts as replaced")
				}
				refused(t, o, 7, 7)
			})
		}
	}
}

// The same where the attributes have a time and the change left it as it was.
func TestNewContentOfTheSameTime(t *testing.T) {
	tree := oneFile(8 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree})
	o := s.open(t, s.timed("f"))
	same(t, o, tree.Bytes("f"), 0, 3)
	change(tree, "f")
	refused(t, o, 4, 4)
	n := s.open(t, s.timed("f"))
	same(t, n, tree.Bytes("f"), 0, 7)
}

// A transfer of the old version that is still under way says nothing against the new one.
func TestOldTransferDoesNotReplaceTheNewContent(t *testing.T) {
	tree := oneFile(8 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{Validators: apitest.ValidatorETag}})
	version, older := s.untimed("f"), tree.Bytes("f")
	release := make(chan struct{})
	s.SetAskFault(func(a apitest.Ask, _ int) apitest.AskReply {
		if a.Kind == apitest.AskContent && a.Offset == 0 {
			return apitest.AskReply{Reply: apitest.Reply{Wait: release}}
		}
		return apitest.AskReply{}
	})
	var all sync.WaitGroup
	defer all.Wait()
	old := s.open(t, version)
	all.Go(func() { same(t, old, older, 0, 3) })
	// It is counted before it is settled which version is sent, and listed after.
	eventually(t, "nothing was asked for", func() bool { return len(s.Calls().Ranges) == 1 })
	change(tree, "f")
	n := s.open(t, version)
	same(t, n, tree.Bytes("f"), 6, 7)
	all.Go(func() { same(t, n, tree.Bytes("f"), 1, 1) })
	eventually(t, "nobody waits", func() bool { return s.wanted(version, 1) > 5 || s.contents() > 2 })
	close(release)
	all.Wait()
	if n.content.Replaced() {
		t.Error("the new content counts as replaced")
	}
}

// Contents of one version each ask for themselves whether they are still the file.
func TestCheckIsNotSharedBetweenContents(t *testing.T) {
	tree := oneFile(8 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{Validators: apitest.ValidatorETag}})
	version := s.untimed("f")
	old := s.blocks.Content(version)
	o := old.Open()
	same(t, o, tree.Bytes("f"), 0, 0)
	o.Close()
	change(tree, "f")
	s.wait(2 * time.Minute)
	n := s.blocks.Content(version)
	o = n.Open()
	same(t, o, tree.Bytes("f"), 0, 0)
	o.Close()
	s.wait(2 * time.Minute)

	release := make(chan struct{})
	s.ResetCalls()
	s.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Reply{Wait: release}}, apitest.AskContent))
	var all sync.WaitGroup
	all.Go(func() {
		if err := old.Check(t.Context()); !apiclient.IsChanged(err) {
			t.Errorf("the old content: error %v", err)
		}
	})
	eventually(t, "nothing was asked for", func() bool { return s.contents() == 1 })
	all.Go(func() {
		if err := n.Check(t.Context()); err != nil {
			t.Errorf("the new content: %v", err)
		}
	})
	time.Sleep(50 * time.Millisecond)
	close(release)
	all.Wait()
	if !old.Replaced() || n.Replaced() {
		t.Errorf("the old content is replaced: %v, the new one: %v", old.Replaced(), n.Replaced())
	}
}

// A file that changes while it is sent: what is kept of it afterwards is of one version.
func TestChangeInTheMiddleOfATransfer(t *testing.T) {
	for name, v := range validators {
		for _, noRange := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", no ranges"}[noRange], func(t *testing.T) {
				tree := oneFile(16 * BlockSize)
				s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{Validators: v.say, NoRange: noRange}})
				older := tree.Bytes("f")
				s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
					if a.Kind != apitest.AskContent || n > 1 {
						return apitest.AskReply{}
					}
					v.change(tree, "f")
					return apitest.ChangedMidway()
				})
				o := s.open(t, s.untimed("f"))
				refused(t, o, 0, 15)
				for i := range int64(16) {
					got, err := get(t.Context(), o, i, i, 0)
					if err == nil && !bytes.Equal(got, part(older, i, i)) {
						t.Errorf("block %d is not of the version that the content began with", i)
					} else if err != nil && !apiclient.IsChanged(err) {
						t.Errorf("block %d: %v", i, err)
					}
				}
			})
		}
	}
}

// The same for what a transfer only came past.
func TestChangeInTheMiddleOfASkip(t *testing.T) {
	tree := oneFile(16 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{NoRange: true}})
	older := tree.Bytes("f")
	s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
		if a.Kind != apitest.AskContent || n > 1 {
			return apitest.AskReply{}
		}
		change(tree, "f")
		return apitest.ChangedMidway()
	})
	o := s.open(t, s.untimed("f"))
	same(t, o, older, 0, 1)
	refused(t, o, 14, 15)
	for i := range int64(16) {
		if got, err := get(t.Context(), o, i, i, 0); err == nil && !bytes.Equal(got, part(older, i, i)) {
			t.Errorf("block %d is not of the version that the content began with", i)
		}
	}
}

// Readers of an old and of a new content of one version, at once, in all orders: each
// content gives bytes of one version, or says that it is gone.
func TestOldAndNewContentAtOnce(t *testing.T) {
	for _, noRange := range []bool{false, true} {
		tree := oneFile(32 * BlockSize)
		s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{Validators: apitest.ValidatorETag, NoRange: noRange}})
		version, older := s.untimed("f"), tree.Bytes("f")
		contents := []*Content{s.blocks.Content(version), s.blocks.Content(version)}
		first := contents[0].Open()
		same(t, first, older, 0, 1)
		change(tree, "f")
		newer := tree.Bytes("f")
		var gave [2][2]atomic.Bool // by content: older, newer bytes
		var all sync.WaitGroup
		for k := range 8 {
			all.Go(func() {
				o := contents[k%2].Open()
				defer o.Close()
				for i := range int64(32) {
					at := (i*7 + int64(k)*5) % 31
					got, err := get(t.Context(), o, at, at+1, 2)
					switch {
					case apiclient.IsChanged(err):
					case err != nil:
						t.Errorf("%v", err)
					case bytes.Equal(got, part(older, at, at+1)):
						gave[k%2][0].Store(true)
					case bytes.Equal(got, part(newer, at, at+1)):
						gave[k%2][1].Store(true)
					default:
						t.Errorf("mixed bytes in blocks %d and %d", at, at+1)
					}
				}
			})
		}
		all.Wait()
		first.Close()
		for k := range gave {
			if gave[k][0].Load() && gave[k][1].Load() {
				t.Errorf("content %d gave bytes of two versions", k)
			}
		}
		if !contents[0].Replaced() {
			t.Error("the old content does not know that it is replaced")
		}
		s.settled(t)
	}
}

// The first bytes settle the version, also where two come at once.
func TestFirstBytesOfTwoVersions(t *testing.T) {
	b := NewBlocks(BlocksOptions{Memory: NewMemory(1<<20, nil), TTL: time.Minute, Timeout: time.Second, Downloads: 2})
	defer b.Close()
	for range 150 {
		c := b.Content(Version{Path: root + "/f", Size: 1})
		var refused atomic.Int64
		var all sync.WaitGroup
		c.mu.Lock() // for so long that those who wait get it in turns
		for _, tag := range []string{`"a"`, `"b"`} {
			all.Go(func() {
				if err := c.accept(apiclient.Validator{ETag: tag}, time.Now()); err != nil {
					refused.Add(1)
				}
			})
		}
		time.Sleep(3 * time.Millisecond)
		c.mu.Unlock()
		all.Wait()
		if refused.Load() != 1 {
			t.Fatalf("%d of two versions were refused", refused.Load())
		}
	}
}
