package apiclient_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// A transfer that breaks off again and again goes on each time exactly where it broke.
func TestTransferGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	const size, offset, length = 200_000, 50_000, 100_000
	s, c, tree := bytesOf(t, size, apitest.ContentOptions{}, func(o *apiclient.Options) { o.Timeout = time.Minute })
	cutsOf := map[string][]int64{} // by the file's path
	for i, cuts := range [][]int64{
		{1}, {length - 1}, {50_000}, {0, 1000}, {1000, 0, 0, 0, 1000}, {1, 1, 1, 1, 1, 1, 1, 1}, {99_990, 1, 1, 1, 1, 1, 1, 1, 1},
		{0, 0, 0, 0, 5, 0, 0, 0, 5},
	} {
		rel := fmt.Sprint(i)
		tree.Add(rel, apitest.File{Size: size})
		cutsOf[tree.Full(rel)] = cuts
	}
	s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
		if cuts := cutsOf[a.Path]; a.Kind == apitest.AskContent && n <= len(cuts) {
			return apitest.CutAfter(cuts[n-1])
		}
		return apitest.AskReply{}
	})
	var wg sync.WaitGroup
	for i := range len(cutsOf) {
		wg.Go(func() {
			if err := readPiece(t, c, tree, fmt.Sprint(i), offset, length); err != nil {
				t.Errorf("cuts %v: %v", cutsOf[tree.Full(fmt.Sprint(i))], err)
			}
		})
	}
	wg.Wait()
	asked := map[string][]apitest.Ask{}
	for _, a := range cleanCalls(t, s).Ranges {
		asked[a.Path] = append(asked[a.Path], a)
	}
	for path, cuts := range cutsOf {
		at := int64(offset)
		want := []apitest.Ask{{Kind: apitest.AskContent, Path: path, Offset: at, Length: length}}
		for _, cut := range cuts {
			at += cut
			want = append(want, apitest.Ask{Kind: apitest.AskContent, Path: path, Offset: at, Length: offset + length - at})
		}
		if diff := cmp.Diff(want, asked[path]); diff != "" {
			t.Errorf("cuts %v (-want +got):\n%s", cuts, diff)
		}
	}
}

// Without any progress there is an end to trying, and bytes make up for failures.
func TestTransferThatAlwaysBreaks(t *testing.T) {
	var wg sync.WaitGroup
	for name, c := range map[string]struct {
		fault   func(a apitest.Ask, n int) apitest.AskReply
		content apitest.ContentOptions
		want    int // bytes that come
	}{
		"at once":        {func(apitest.Ask, int) apitest.AskReply { return apitest.CutAfter(0) }, apitest.ContentOptions{}, 0},
		"after a while":  {func(a apitest.Ask, n int) apitest.AskReply { return apitest.CutAfter(max(0, 5000-a.Offset)) }, apitest.ContentOptions{}, 5000},
		"whole, at once": {func(apitest.Ask, int) apitest.AskReply { return apitest.CutAfter(0) }, apitest.ContentOptions{NoRange: true}, 0},
		"whole, later":   {func(apitest.Ask, int) apitest.AskReply { return apitest.CutAfter(5000) }, apitest.ContentOptions{NoRange: true}, 5000},
		"whole, earlier": {func(_ apitest.Ask, n int) apitest.AskReply { return apitest.CutAfter(5000 / int64(n)) }, apitest.ContentOptions{NoRange: true}, 5000},
		"no length":      {func(apitest.Ask, int) apitest.AskReply { return apitest.CutAfter(5000) }, apitest.ContentOptions{NoRange: true, NoLength: true}, 5000},
		"503 after bytes": {func(_ apitest.Ask, n int) apitest.AskReply {
			if n == 1 {
				return apitest.CutAfter(5000)
			}
			return reply(apitest.Status(503))
		}, apitest.ContentOptions{}, 5000},
	} {
		for _, known := range []bool{true, false} {
			s, client, tree := bytesOf(t, 20_000, c.content)
			s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
				if a.Kind == apitest.AskContent {
					return c.fault(a, n)
				}
				return apitest.AskReply{}
			})
			r := piece(tree, 0, 20_000)
			if !known {
				if c.want == 5000 && !c.content.NoRange {
					continue // it would get the whole file
				}
				r = apiclient.Range{Path: r.Path, Size: apiclient.UnknownSize}
			}
			wg.Go(func() {
				b, err := client.Open(t.Context(), r)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				defer b.Close()
				data, err := readAll(b)
				if !apiclient.IsTemporary(err) || apiclient.IsChanged(err) || len(data) != c.want || !bytes.Equal(data, tree.Bytes("a")[:len(data)]) {
					t.Errorf("%s: %d bytes, error %v", name, len(data), err)
				}
				if n := cleanCalls(t, s).Content; n < 5 || n > 11 {
					t.Errorf("%s: %d downloads", name, n)
				}
			})
		}
	}
	wg.Wait()
}

// changes are the ways in which a file becomes another version.
var changes = map[string]func(*apitest.File){
	"bytes and time":  func(f *apitest.File) { f.Version++; f.Time = f.Time.Add(time.Hour) },
	"bytes only":      func(f *apitest.File) { f.Version++ },
	"longer":          func(f *apitest.File) { f.Version++; f.Size += 1000 },
	"shorter":         func(f *apitest.File) { f.Version++; f.Size -= 1000 },
	"much shorter":    func(f *apitest.File) { f.Version++; f.Size = 10 },
	"longer, no time": func(f *apitest.File) { f.Size += 1000 },
}

// noticed says whether a change can be told from the headers.
func noticed(v apitest.Validators, change string) bool {
	switch {
	case change != "bytes and time" && change != "bytes only":
		return true
	case v == apitest.ValidatorLastModified:
		return change == "bytes and time"
	}
	return v != apitest.ValidatorsNone
}

var allValidators = []apitest.Validators{apitest.ValidatorsBoth, apitest.ValidatorETag, apitest.ValidatorWeakETag, apitest.ValidatorLastModified, apitest.ValidatorsNone}

// A file that changes between an open and where the transfer is gone on with is never
// mixed with what it was.
func TestResumeNoticesAnotherVersion(t *testing.T) {
	const size = 200_000
	var wg sync.WaitGroup
	for _, v := range allValidators {
		for change, do := range changes {
			for _, content := range []apitest.ContentOptions{{}, {NoRange: true}, {NoRange: true, NoLength: true}} {
				if !noticed(v, change) {
					continue
				}
				if content.NoLength && (v == apitest.ValidatorsNone || v == apitest.ValidatorLastModified && change != "bytes and time") {
					continue // only the end tells, see below
				}
				content.Validators = v
				s, c, tree := bytesOf(t, size, content)
				before := tree.Bytes("a")
				s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
					if a.Kind != apitest.AskContent || n > 1 {
						return apitest.AskReply{}
					}
					tree.Change("a", do)
					return apitest.CutAfter(70_000)
				})
				r := piece(tree, 0, size)
				wg.Go(func() {
					b, err := c.Open(t.Context(), r)
					if err != nil {
						t.Errorf("%s, %+v: %v", change, content, err)
						return
					}
					defer b.Close()
					if err := expect(t, b, before); !apiclient.IsChanged(err) || apiclient.IsTemporary(err) {
						t.Errorf("%s, %+v: %v", change, content, err)
					}
					if n := cleanCalls(t, s).Content; n != 2 {
						t.Errorf("%s, %+v: %d downloads", change, content, n)
					}
				})
			}
		}
	}
	wg.Wait()
}

// Where only the length tells, what is too short is an error, and what is too long.
func TestEndTellsOfAnotherVersion(t *testing.T) {
	for _, by := range []int64{-1000, 1, 1000, 100_000} {
		_, c, tree := bytesOf(t, 200_000, apitest.ContentOptions{NoRange: true, NoLength: true, Validators: apitest.ValidatorsNone})
		before, r := tree.Bytes("a"), piece(tree, 0, 200_000)
		tree.Change("a", func(f *apitest.File) { f.Size += by })
		b, err := c.Open(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if err := expect(t, b, before); err == nil || by > 0 && !apiclient.IsChanged(err) {
			t.Errorf("%+d bytes: %v", by, err)
		}
		b.Close()
	}
}

// What earlier bytes came with is demanded of later ones.
func TestOpenNoticesAnotherVersion(t *testing.T) {
	for _, v := range allValidators {
		for change, do := range changes {
			s, c, tree := bytesOf(t, 200_000, apitest.ContentOptions{Validators: v})
			r := piece(tree, 1000, 1000)
			b, err := c.Open(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			r.Validator = b.Validator()
			b.Close()
			if r.Validator.Known() == (v == apitest.ValidatorsNone) {
				t.Errorf("validator %+v", r.Validator)
			}
			if b, err = c.Open(t.Context(), r); err != nil {
				t.Errorf("%v: unchanged: %v", v, err)
			} else {
				b.Close()
			}
			tree.Change("a", do)
			for _, whole := range []bool{false, true} {
				r.Whole = whole
				b, err = c.Open(t.Context(), r)
				if noticed(v, change) != apiclient.IsChanged(err) || noticed(v, change) != (err != nil) {
					t.Errorf("%v, %s, whole %v: %v", v, change, whole, err)
				}
				if err == nil {
					b.Close()
				}
			}
			cleanCalls(t, s)
		}
	}
}

func TestOpenNoticesAnotherETag(t *testing.T) {
	s, c, tree := bytesOf(t, 1000, apitest.ContentOptions{})
	for had, wants := range map[string]map[string]bool{
		`"a"`:   {`"a"`: false, `W/"a"`: false, `"b"`: true, `W/"b"`: true},
		`W/"a"`: {`"a"`: false, `W/"a"`: false, `"b"`: true, `W/"b"`: true},
	} {
		for has, changed := range wants {
			s.SetAskFault(apitest.EveryAsk(apitest.OtherETag(has), apitest.AskContent))
			r := piece(tree, 0, 1000)
			r.Validator = apiclient.Validator{ETag: had}
			if had == `"a"` {
				// The stand-in knows its own tag only and would send all of the file.
				r.Validator = apiclient.Validator{ETag: "W/" + had}
			}
			b, err := c.Open(t.Context(), r)
			if apiclient.IsChanged(err) != changed || (err != nil) != changed {
				t.Errorf("%s after %s: %v", has, had, err)
			}
			if err == nil {
				b.Close()
			}
		}
	}
}

// A file that is written over while it is sent: what came of it is refused in the end.
func TestChangedMidwayIsRefused(t *testing.T) {
	for _, v := range allValidators {
		for change, do := range changes {
			if !noticed(v, change) || change == "much shorter" {
				continue
			}
			s, c, tree := bytesOf(t, 200_000, apitest.ContentOptions{Validators: v})
			s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
				if a.Kind != apitest.AskContent || n > 1 {
					return apitest.AskReply{}
				}
				tree.Change("a", do)
				return apitest.ChangedMidway()
			})
			b, err := c.Open(t.Context(), piece(tree, 0, 200_000))
			if err != nil {
				t.Fatal(err)
			}
			if data, err := readAll(b); !apiclient.IsChanged(err) || len(data) < 100_000 {
				t.Errorf("%v, %s: %d bytes, error %v", v, change, len(data), err)
			}
			b.Close()
			if n := cleanCalls(t, s).Content; n != 2 {
				t.Errorf("%v, %s: %d downloads", v, change, n)
			}
		}
	}
}

// The size that the first answer told counts, where none was known before.
func TestResumeOfUnknownSizeNoticesAnotherLength(t *testing.T) {
	for change, do := range changes {
		if !noticed(apitest.ValidatorsNone, change) {
			continue
		}
		s, c, tree := bytesOf(t, 200_000, apitest.ContentOptions{Validators: apitest.ValidatorsNone})
		before := tree.Bytes("a")
		s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
			if a.Kind != apitest.AskContent || n > 1 {
				return apitest.AskReply{}
			}
			tree.Change("a", do)
			return apitest.CutAfter(70_000)
		})
		b, err := c.Open(t.Context(), apiclient.Range{Path: tree.Full("a"), Size: apiclient.UnknownSize})
		if err != nil {
			t.Fatal(err)
		}
		data, err := readAll(b)
		b.Close()
		if !apiclient.IsChanged(err) || !bytes.Equal(data, before[:min(len(data), len(before))]) {
			t.Errorf("%s: %d bytes, error %v", change, len(data), err)
		}
	}
}

// Many readers of a file that changes all the time get bytes of one version, or an error.
func TestReadersOfAChangingFile(t *testing.T) {
	const size = 50_000
	s, c, tree := bytesOf(t, size, apitest.ContentOptions{Validators: apitest.ValidatorETag})
	versions := [][]byte{tree.Bytes("a")}
	for range 3 {
		tree.Change("a", changes["bytes only"])
		versions = append(versions, tree.Bytes("a"))
	}
	s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
		if a.Kind != apitest.AskContent {
			return apitest.AskReply{}
		}
		if n%4 == 1 {
			tree.Change("a", func(f *apitest.File) { f.Version = (f.Version + 1) % len(versions) })
		}
		if n%2 == 1 {
			return apitest.CutAfter(a.Length / 2)
		}
		return apitest.AskReply{}
	})
	good, changed := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		if good+changed > 20 {
			return // each that breaks off takes a tenth of a second
		}
		offset := rapid.Int64Range(0, size-1).Draw(rt, "offset")
		length := rapid.Int64Range(1, size-offset).Draw(rt, "length")
		b, err := c.Open(t.Context(), piece(tree, offset, length))
		if err != nil {
			rt.Fatal(err)
		}
		defer b.Close()
		data, err := readAll(b)
		switch {
		case err == nil:
			good++
		case apiclient.IsChanged(err):
			changed++
		default:
			rt.Fatal(err)
		}
		for _, v := range versions {
			if bytes.Equal(data, v[offset:offset+int64(len(data))]) {
				return
			}
		}
		rt.Fatal("bytes of several versions")
	})
	if good == 0 || changed == 0 {
		t.Errorf("%d reads went well, %d met another version", good, changed)
	}
	cleanCalls(t, s)
}
