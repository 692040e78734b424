package apiclient_test

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// A guess that fails is asked for again when the chain comes to it, with its retries.
func TestPageAheadThatFails(t *testing.T) {
	for name, reply := range map[string]apitest.Reply{
		"503": apitest.Status(503), "overloaded": apitest.Code("1000"), "HTML": apitest.HTML(), "reset": apitest.Reset(),
		"half": apitest.Truncated(), "refused": apitest.Code("0006"), "nothing": apitest.JSON(`{"status":"success","data":[]}`),
		"another page": apitest.AsIf(apitest.Call{Offset: 0}), "no such page": apitest.Status(404),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := startHuge(t, 8, apitest.Options{Tree: apitest.Flat(root, 200)})
			s.SetFault(func(call apitest.Call, n int) apitest.Reply {
				if n == 1 && call.Offset == 100 {
					return reply
				}
				return apitest.Reply{}
			})
			f, pages, err := listHuge(t, c)
			if err != nil || len(f.Entries) != 200 || pages != 20 {
				t.Errorf("%d pages, error %v", pages, err)
			}
			if calls := s.Calls(); calls.Total != 21 || len(calls.List) != 20 {
				t.Errorf("%d calls, %d of them different", calls.Total, len(calls.List))
			}
		})
	}
}

// A page that keeps failing ends the listing where the chain comes to it.
func TestPageAheadThatAlwaysFails(t *testing.T) {
	s, c := startHuge(t, 8, apitest.Options{Tree: apitest.Flat(root, 200)})
	s.SetFault(func(call apitest.Call, _ int) apitest.Reply {
		if call.Offset == 100 {
			return apitest.Code("0001")
		}
		return apitest.Reply{}
	})
	f, pages, err := listHuge(t, c)
	if !apiclient.IsAuth(err) || f != nil || pages != 10 {
		t.Errorf("%d pages, %+v, error %v", pages, f, err)
	}
	if n := s.Calls().List[apitest.Call{Path: root, Offset: 100, Type: "includeinvalid"}]; n != 2 {
		t.Errorf("%d calls for the page", n)
	}
}

// A service that refuses to be asked for more than one page at a time is soon asked one
// by one.
func TestPagesAheadThatAllFail(t *testing.T) {
	s, c := startHuge(t, 8, apitest.Options{Tree: apitest.Flat(root, 1000)})
	var mu sync.Mutex
	next := 0 // the page that a client comes to one by one
	s.SetFault(func(call apitest.Call, _ int) apitest.Reply {
		mu.Lock()
		defer mu.Unlock()
		if max(call.Offset, 0) != next {
			return apitest.Status(429)
		}
		return apitest.Reply{Delay: time.Millisecond, Body: func(right []byte) []byte {
			mu.Lock()
			defer mu.Unlock()
			next += 10
			return right
		}}
	})
	f, pages, err := listHuge(t, c)
	if err != nil || len(f.Entries) != 1000 || pages != 100 {
		t.Errorf("%d pages, error %v", pages, err)
	}
	if n := s.Calls().Total; n > 150 {
		t.Errorf("%d calls for 100 pages", n)
	}
}

// Where the service goes on at another offset than guessed, guesses are thrown away.
func TestPagesAheadThatDoNotLink(t *testing.T) {
	for _, next := range []int{55, 57, 65, 120} {
		s, c := startHuge(t, 8, apitest.Options{Tree: apitest.Flat(root, 200)})
		s.SetFault(func(call apitest.Call, _ int) apitest.Reply {
			if call.Offset == 50 {
				return apitest.CutAt(next, 200)
			}
			return apitest.Reply{}
		})
		f, pages, err := listHuge(t, c)
		if err != nil {
			t.Fatal(err)
		}
		offsets := map[int]int{}
		for call, n := range s.Calls().List {
			offsets[max(call.Offset, 0)] = n
		}
		asked := maps.Clone(offsets)
		want := 0
		for at := 0; at < 200; want++ {
			if offsets[at] == 0 {
				t.Errorf("next %d: offset %d was not asked for", next, at)
			}
			delete(asked, at)
			if at == 50 {
				at = next
			} else {
				at += 10
			}
		}
		if next > 60 {
			want *= 2 // less came than the service counts, so all was asked for once more
		}
		if pages != want || len(f.Entries) != 200-max(next-60, 0) || len(asked) > 8 {
			t.Errorf("next %d: %d pages, want %d; %d names; in vain: %v", next, pages, want, len(f.Entries), asked)
		}
	}
}

// A folder that changes while it is listed is listed as far as it was there all the time.
func TestPagesAheadOfAFolderThatChanges(t *testing.T) {
	for name, change := range map[string]func(tree *apitest.Tree, inOrder []apiclient.Entry){
		"grows": func(tree *apitest.Tree, _ []apiclient.Entry) {
			for i := range 55 {
				tree.AddFile(fmt.Sprintf("zz%02d", i))
			}
		},
		"shrinks": func(tree *apitest.Tree, inOrder []apiclient.Entry) {
			for _, e := range inOrder[145:] {
				tree.Remove(e.Name)
			}
		},
		"gets folders": func(tree *apitest.Tree, _ []apiclient.Entry) {
			for i := range 55 {
				tree.AddFile(fmt.Sprintf("zz%02d/a", i))
			}
		},
	} {
		for _, first := range []bool{false, true} {
			t.Run(fmt.Sprint(name, "/", first), func(t *testing.T) {
				t.Parallel()
				tree := apitest.Flat(root, 200)
				s, c := startHuge(t, 8, apitest.Options{Tree: tree, FoldersFirst: first})
				before, _, err := listHuge(t, c)
				if err != nil {
					t.Fatal(err)
				}
				s.ResetCalls()
				var once sync.Once
				s.SetFault(func(call apitest.Call, _ int) apitest.Reply {
					if call.Offset == 100 {
						once.Do(func() { change(tree, before.Entries) })
					}
					return apitest.Reply{}
				})
				f, _, err := listHuge(t, c)
				if err != nil {
					t.Fatal(err)
				}
				came := map[string]bool{}
				for _, e := range f.Entries {
					came[e.Name] = true
				}
				for _, e := range before.Entries {
					if _, still := tree.File(e.Name); still && !came[e.Name] {
						t.Errorf("%s is missing", e.Name)
					}
				}
				if calls := s.Calls(); calls.Total > 80 { // it is listed twice
					t.Errorf("%d calls", calls.Total)
				}
			})
		}
	}
}

// A guess that was answered before the folder changed is not put behind a page that was
// answered after it.
func TestPagesAheadFromBeforeAChange(t *testing.T) {
	tree := apitest.Flat(root, 200)
	s, c := startHuge(t, 8, apitest.Options{Tree: tree, FoldersFirst: true})
	changed := make(chan struct{})
	s.SetFault(func(call apitest.Call, n int) apitest.Reply {
		switch {
		case call.Offset == 50:
			return apitest.Hold(changed)
		case call.Offset == 60 && n == 1:
			return apitest.Reply{Body: func(right []byte) []byte {
				for i := range 10 {
					tree.AddFile(fmt.Sprintf("folder%d/a", i)) // before the files
				}
				close(changed)
				return right
			}}
		}
		return apitest.Reply{}
	})
	f, _, err := listHuge(t, c)
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, e := range f.Entries {
		if e.Folder == nil {
			files++
		}
	}
	if files != 200 {
		t.Errorf("%d of 200 files", files)
	}
}
