package apiclient_test

import (
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// huge is a folder of 20 pages of ten files, with some sub-folders and hidden files.
func huge() *apitest.Tree {
	tree := apitest.Flat(root, 200)
	for i := range 6 {
		tree.AddFile(fmt.Sprintf("folder%d/a", i))
		tree.AddFile(fmt.Sprintf("folder%d/b", i))
		tree.Add(fmt.Sprintf("gone%d", i), apitest.File{Kind: apitest.Video, Deleted: true})
	}
	return tree
}

// startHuge starts a service of pages of ten files, and a client of so many calls at once.
func startHuge(t testing.TB, concurrency int, o apitest.Options) (*apitest.Server, *apiclient.Client) {
	t.Helper()
	o.PageSize = 10
	return startV1(t, o, func(c *apiclient.Options) { c.Concurrency = concurrency })
}

// tellings are what a folder's answers told, to be compared.
func tellings(f *apiclient.Folder) []string {
	if f == nil {
		return nil
	}
	all := []string{fmt.Sprint("state ", f.State)}
	for _, e := range f.Entries {
		all = append(all, e.Name)
		if e.Folder != nil {
			all = append(all, tellings(e.Folder)...)
		}
	}
	return all
}

// listHuge lists the root. Its callbacks may be called by one goroutine at a time only.
func listHuge(t testing.TB, c *apiclient.Client) (f *apiclient.Folder, pages int, err error) {
	t.Helper()
	turns, progress := 0, 0
	f, err = c.List(t.Context(), apiclient.ListRequest{
		Path: root, Turn: func() { turns++ }, Progress: func() { progress++ },
	})
	if err == nil && turns < progress {
		t.Errorf("%d turns, %d pages", turns, progress)
	}
	return f, progress, err
}

// With any number of calls at once the calls are the very same, and so is the result,
// whatever an offset means. Only a service that refuses offsets which it did not give yet
// is asked again for those: each guess that was open when it refused one.
func TestPagesAheadAreThoseOfOneByOne(t *testing.T) {
	for _, means := range apitest.OffsetMeanings() {
		for _, followUp := range apitest.FollowUps() {
			t.Run(fmt.Sprint(means, "/", followUp), func(t *testing.T) {
				t.Parallel()
				for bits := range 4 {
					o := apitest.Options{
						Tree: huge(), OffsetMeans: means, FollowUp: followUp,
						FoldersFirst: bits&1 != 0, EagerCut: bits&2 != 0,
					}
					s, c := startHuge(t, 1, o)
					want, wantPages, wantErr := listHuge(t, c)
					wantCalls := s.Calls().List
					s.Close()
					concurrency := 4 + 4*(bits%2)
					s, c = startHuge(t, concurrency, o)
					got, pages, err := listHuge(t, c)
					calls := s.Calls()
					s.Close()
					if (err == nil) != (wantErr == nil) || pages != wantPages {
						t.Errorf("%b: %d pages, error %v; one by one %d, %v", bits, pages, err, wantPages, wantErr)
					}
					if diff := cmp.Diff(tellings(want), tellings(got)); diff != "" {
						t.Errorf("%b (-one by one +ahead):\n%s", bits, diff)
					}
					if means == apitest.OffsetIssued {
						if calls.Total > len(wantCalls)+concurrency {
							t.Errorf("%b: %d calls, one by one %d", bits, calls.Total, len(wantCalls))
						}
						continue
					}
					if diff := cmp.Diff(wantCalls, calls.List); diff != "" {
						t.Errorf("%b: calls (-one by one +ahead):\n%s", bits, diff)
					}
				}
			})
		}
	}
}

func TestPagesAreAskedForAhead(t *testing.T) {
	for _, concurrency := range []int{1, 4, 8} {
		s, c := startV1(t, apitest.Options{Tree: apitest.Flat(root, 2000), Latency: 2 * time.Millisecond}, func(o *apiclient.Options) {
			o.Concurrency = concurrency
		})
		f, pages, err := listHuge(t, c)
		if err != nil || len(f.Entries) != 2000 || pages != 20 {
			t.Errorf("%d at once: %d pages, error %v", concurrency, pages, err)
		}
		calls := s.Calls()
		if calls.Total != 20 || len(calls.List) != 20 {
			t.Errorf("%d at once: %d calls, %d of them different", concurrency, calls.Total, len(calls.List))
		}
		if n := calls.MaxInFlight; n > concurrency || n < min(concurrency, 2) {
			t.Errorf("%d at once: %d in flight", concurrency, n)
		}
	}
}

// withoutCount takes the number of a folder's entries out of all answers.
func withoutCount(apitest.Call, int) apitest.Reply {
	count := regexp.MustCompile(`"__file_count":\d+`)
	return apitest.Reply{Body: func(right []byte) []byte { return count.ReplaceAll(right, []byte(`"__more":1`)) }}
}

// Where the service does not tell how many there are, few guesses are in vain.
func TestPagesAheadWithoutACount(t *testing.T) {
	for files, most := range map[int]int{100: 10, 200: 21, 300: 31, 410: 43, 1000: 104} {
		t.Run(fmt.Sprint(files), func(t *testing.T) {
			t.Parallel()
			tree := apitest.Flat(root, files)
			s, c := startHuge(t, 8, apitest.Options{Tree: tree, Latency: time.Millisecond})
			s.SetFault(withoutCount)
			f, pages, err := listHuge(t, c)
			if err != nil || len(f.Entries) != files || pages != files/10 {
				t.Errorf("%d pages, error %v", pages, err)
			}
			calls := s.Calls()
			if calls.Total > most {
				t.Errorf("%d calls, want at most %d", calls.Total, most)
			}
			for call, n := range calls.List {
				if n > 1 {
					t.Errorf("%v: %d calls", call, n)
				}
			}
			if files == 1000 && calls.MaxInFlight < 3 {
				t.Errorf("%d in flight", calls.MaxInFlight)
			}
		})
	}
}

// Guesses of a listing that nobody waits for are tried once, also when the chain comes to
// them; those of one that is wanted meanwhile like any other.
func TestPagesAheadOfAListingAhead(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		s, c := startHuge(t, 8, apitest.Options{Tree: apitest.Flat(root, 200)})
		ctx, want := aheadOf(t.Context())
		s.SetFault(func(call apitest.Call, n int) apitest.Reply {
			if call.Offset != 100 || n > 2 {
				return apitest.Reply{}
			}
			if wanted {
				want()
			}
			return apitest.Status(503)
		})
		f, err := c.List(ctx, apiclient.ListRequest{Path: root})
		if wanted && (err != nil || len(f.Entries) != 200) {
			t.Errorf("wanted: %v", err)
		}
		if !wanted && (!apiclient.FailedAhead(err) || f == nil || f.Offset != 100) {
			t.Errorf("alone: %+v, error %v", f, err)
		}
		calls := s.Calls().List[apitest.Call{Path: root, Offset: 100, Type: "includeinvalid"}]
		if calls != 2 && !wanted || calls != 3 && wanted { // as a guess, and then as the chain's
			t.Errorf("wanted %v: %d calls for the page", wanted, calls)
		}
	}
}

// Whoever waits for a single call gets the next slot before guesses, until the chain comes
// to them.
func TestPagesAheadWaitBehindCallers(t *testing.T) {
	tree := apitest.Flat(root, 200)
	s, c := startHuge(t, 2, apitest.Options{Tree: tree})
	holds := map[apitest.Call]chan struct{}{}
	for _, call := range []apitest.Call{{Path: root + "/first"}, {Path: root + "/second"}, {Path: root, Offset: 20}} {
		holds[call] = make(chan struct{})
	}
	began := make(chan apitest.Call, 100)
	s.SetFault(func(call apitest.Call, _ int) apitest.Reply {
		call.Type, call.Offset = "", max(call.Offset, 0)
		began <- call
		return apitest.Reply{Wait: holds[call]}
	})
	begins := func(want apitest.Call) {
		t.Helper()
		if got := within(t, began); got != want {
			t.Fatalf("%v begins, not %v", got, want)
		}
	}
	waiting := func(calls, ahead int) {
		t.Helper()
		until(t, fmt.Sprint(calls, " calls wait, ", ahead, " of them ahead"), func() bool {
			n, m := c.Waiting()
			return n == calls && m == ahead
		})
	}
	var all sync.WaitGroup
	list := func(path string) {
		all.Go(func() {
			if _, err := c.List(t.Context(), apiclient.ListRequest{Path: path}); err != nil {
				t.Error(err)
			}
		})
	}
	list(root + "/first")
	begins(apitest.Call{Path: root + "/first"})
	list(root)
	for _, offset := range []int{0, 10, 20} {
		begins(apitest.Call{Path: root, Offset: offset})
	}
	waiting(1, 1) // for offset 30
	list(root + "/second")
	waiting(2, 1)
	close(holds[apitest.Call{Path: root + "/first"}])
	begins(apitest.Call{Path: root + "/second"})
	waiting(1, 1)
	close(holds[apitest.Call{Path: root, Offset: 20}])
	begins(apitest.Call{Path: root, Offset: 30})
	close(holds[apitest.Call{Path: root + "/second"}])
	all.Wait()
}

// A listing that goes on from where an earlier one broke off asks ahead as well.
func TestPagesAheadOfACutFolder(t *testing.T) {
	s, c := startHuge(t, 8, apitest.Options{Tree: apitest.Flat(root, 200), Latency: time.Millisecond})
	s.SetFault(func(call apitest.Call, _ int) apitest.Reply {
		if call.Offset == 50 {
			return apitest.Status(503)
		}
		return apitest.Reply{}
	})
	ctx, _ := aheadOf(t.Context()) // so it fails at once
	f, err := c.List(ctx, apiclient.ListRequest{Path: root})
	if err == nil || f == nil || f.Offset != 50 {
		t.Fatalf("%+v, error %v", f, err)
	}
	s.SetFault(nil)
	s.ResetCalls()
	if f, err = c.List(t.Context(), apiclient.ListRequest{Path: root, From: f}); err != nil || len(f.Entries) != 200 {
		t.Fatalf("%+v, error %v", f, err)
	}
	if calls := s.Calls(); calls.Total != 15 || len(calls.List) != 15 {
		t.Errorf("%d calls, %d of them different", calls.Total, len(calls.List))
	}
}

// A hundred thousand files in one folder, 50 ms a call, eight at once.
func BenchmarkListHugeFolder(b *testing.B) {
	s, c := startV1(b, apitest.Options{Tree: apitest.Flat(root, 100_000), Latency: 50 * time.Millisecond}, func(o *apiclient.Options) {
		o.Concurrency = 8
	})
	for b.Loop() {
		f, err := c.List(b.Context(), apiclient.ListRequest{Path: root})
		if err != nil || len(f.Entries) != 100_000 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(s.Calls().Total)/float64(b.N), "calls/op")
	// How much longer it took than 1,000 calls of 50 ms in eight places.
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/(1000*0.05/8), "×ideal")
}
