package cache

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// Where attributes have a time they say whether a file is unchanged: nothing is asked.
func TestCheckOfATimedVersion(t *testing.T) {
	tree := oneFile(4 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree})
	o := s.open(t, s.timed("f"))
	same(t, o, tree.Bytes("f"), 0, 1)
	s.wait(time.Hour)
	change(tree, "f")
	if err := o.content.Check(t.Context()); err != nil || s.contents() != 1 {
		t.Errorf("error %v, %d requests", err, s.contents())
	}
	tree.Change("f", func(f *apitest.File) { f.Version-- })
	same(t, s.open(t, s.timed("f")), tree.Bytes("f"), 0, 1) // its blocks do not age
	if n := s.contents(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// Else one byte is asked for where the last bytes are older than the TTL.
func TestCheck(t *testing.T) {
	for name, v := range validators {
		for _, noRange := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", no ranges"}[noRange], func(t *testing.T) {
				tree := oneFile(40 * BlockSize)
				s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{Validators: v.say, NoRange: noRange}})
				o, older := s.open(t, s.untimed("f")), tree.Bytes("f")
				check := func(requests int) {
					t.Helper()
					if err := o.content.Check(t.Context()); err != nil || s.contents() != requests {
						t.Errorf("error %v, %d requests, want %d", err, s.contents(), requests)
					}
				}
				check(0) // no byte of it was read
				same(t, o, older, 0, 1)
				check(1)
				s.wait(59 * time.Second)
				check(1)
				s.wait(2 * time.Second)
				check(2)
				check(2)
				same(t, o, older, 0, 1) // what is kept is still the file's
				check(2)
				s.wait(2 * time.Minute)
				v.change(tree, "f")
				for range 2 {
					if err := o.content.Check(t.Context()); !apiclient.IsChanged(err) || s.contents() != 3 {
						t.Errorf("error %v, %d requests", err, s.contents())
					}
				}
				if !o.content.Replaced() {
					t.Error("the content does not know that it is replaced")
				}
				same(t, o, older, 0, 1)
				n := s.open(t, s.untimed("f"))
				same(t, n, tree.Bytes("f"), 0, 3)
			})
		}
	}
}

// A file that is gone counts as replaced, a service that fails does not.
func TestCheckFails(t *testing.T) {
	tree := oneFile(4 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree})
	o := s.open(t, s.untimed("f"))
	same(t, o, tree.Bytes("f"), 0, 1)
	s.wait(2 * time.Minute)
	s.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Status(400)}, apitest.AskContent))
	if err := o.content.Check(t.Context()); err == nil || o.content.Replaced() {
		t.Errorf("error %v, replaced: %v", err, o.content.Replaced())
	}
	s.SetAskFault(nil)
	tree.Remove("f")
	if err := o.content.Check(t.Context()); !apiclient.IsNotExist(err) || !o.content.Replaced() {
		t.Errorf("error %v, replaced: %v", err, o.content.Replaced())
	}
	refused(t, o, 2, 2)
}

// Many who open a file at once cause one request, and each may leave.
func TestCheckIsShared(t *testing.T) {
	tree := oneFile(4 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree})
	o := s.open(t, s.untimed("f"))
	same(t, o, tree.Bytes("f"), 0, 1)
	s.wait(2 * time.Minute)
	release := make(chan struct{})
	s.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Reply{Wait: release}}, apitest.AskContent))
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { left <- o.content.Check(ctx) }()
	eventually(t, "nothing was asked for", func() bool { return s.contents() == 2 })
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := o.content.Check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller who left got %v", err)
	}
	close(release)
	all.Wait()
	if n := s.contents(); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// With neither time nor validator, blocks live for one TTL, and then count as replaced.
func TestNothingTellsVersionsApart(t *testing.T) {
	tree := oneFile(4 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{Validators: apitest.ValidatorsNone}})
	o, older := s.open(t, s.untimed("f")), tree.Bytes("f")
	same(t, o, older, 0, 3)
	s.wait(59 * time.Second)
	if err := o.content.Check(t.Context()); err != nil {
		t.Error(err)
	}
	same(t, s.open(t, s.untimed("f")), older, 0, 3)
	s.wait(2 * time.Second)
	change(tree, "f")
	if err := o.content.Check(t.Context()); !apiclient.IsChanged(err) || !o.content.Replaced() || s.contents() != 1 {
		t.Errorf("error %v, replaced: %v, %d requests", err, o.content.Replaced(), s.contents())
	}
	same(t, s.open(t, s.untimed("f")), tree.Bytes("f"), 0, 3)
}

// The same for a reader that is open for longer: it is not given bytes of before and
// after.
func TestNothingTellsVersionsApartForALongTime(t *testing.T) {
	tree := oneFile(4 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{Validators: apitest.ValidatorsNone}})
	o := s.open(t, s.untimed("f"))
	same(t, o, tree.Bytes("f"), 0, 1)
	s.wait(2 * time.Minute)
	change(tree, "f")
	refused(t, o, 2, 3)
	same(t, s.open(t, s.untimed("f")), tree.Bytes("f"), 0, 3)
}

// Where attributes have a time and nothing else tells, they are asked for again.
func TestRecheck(t *testing.T) {
	tree := oneFile(8 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{Validators: apitest.ValidatorsNone}})
	var calls int
	var answer error
	content := s.blocks.Content(s.timed("f"))
	content.Recheck = func(context.Context) error { calls++; return answer }
	o, older := content.Open(), tree.Bytes("f")
	defer o.Close()
	same(t, o, older, 0, 1)
	same(t, o, older, 2, 2)
	if calls != 0 {
		t.Errorf("%d calls within the TTL", calls)
	}
	s.wait(2 * time.Minute)
	same(t, o, older, 0, 2)
	if calls != 0 {
		t.Errorf("%d calls for what is kept", calls)
	}
	same(t, o, older, 3, 3)
	if calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
	s.wait(2 * time.Minute)
	changeTime(tree, "f")
	answer = errPassing
	if _, err := o.Read(t.Context(), 4, 4, 0); !errors.Is(err, errPassing) || content.Replaced() {
		t.Errorf("error %v, replaced: %v", err, content.Replaced())
	}
	answer = ErrChanged
	refused(t, o, 4, 4)
	same(t, o, older, 0, 3)
	if !content.Replaced() {
		t.Error("the content does not know that it is replaced")
	}
}

// Replace is for those who know from elsewhere: what is kept is given, and no more.
func TestReplace(t *testing.T) {
	tree := oneFile(4 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree})
	o := s.open(t, s.timed("f"))
	same(t, o, tree.Bytes("f"), 0, 1)
	o.content.Replace()
	if err := o.content.Check(t.Context()); !errors.Is(err, ErrChanged) || !o.content.Replaced() {
		t.Errorf("error %v", err)
	}
	same(t, o, tree.Bytes("f"), 0, 1)
	refused(t, o, 1, 2)
	if n := s.contents(); n != 1 {
		t.Errorf("%d requests", n)
	}
	s.settled(t)
}

// A change between two blocks, also to another size.
func TestChangeBetweenBlocks(t *testing.T) {
	for name, changed := range map[string]func(*apitest.File){
		"same size": func(f *apitest.File) { f.Version++ },
		"shorter":   func(f *apitest.File) { f.Version++; f.Size = 3 * BlockSize },
		"empty":     func(f *apitest.File) { f.Version++; f.Size = 0 },
		"longer":    func(f *apitest.File) { f.Version++; f.Size++ },
	} {
		for _, say := range []apitest.Validators{apitest.ValidatorsBoth, apitest.ValidatorsNone} {
			if name == "same size" && say == apitest.ValidatorsNone {
				continue // nothing tells
			}
			for _, noRange := range []bool{false, true} {
				tree := oneFile(8 * BlockSize)
				s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{Validators: say, NoRange: noRange}})
				o, older := s.open(t, s.timed("f")), tree.Bytes("f")
				same(t, o, older, 0, 1)
				tree.Change("f", changed)
				other := s.open(t, o.content.version)
				other.content = o.content // another reader of the same
				refused(t, other, 4, 5)
				same(t, o, older, 0, 1)
				if !o.content.Replaced() {
					t.Errorf("%s: the content does not know that it is replaced", name)
				}
				s.settled(t)
			}
		}
	}
}
