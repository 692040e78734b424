package apiclient

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// A caller with many requests does not keep one with few from its turn, whom nobody waits
// for keeps nobody, and what only renews comes last.
func TestWhoComesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := bubble(t, func(r *http.Request) *http.Response {
			time.Sleep(100 * time.Millisecond)
			return folder(r)
		}, func(o *Options) { o.Concurrency = 2 })
		done := make(chan string, 100)
		begin := func(ctx context.Context, name string) {
			go func() {
				if err := listed(ctx, c, "sestore4/"+name); err != nil {
					t.Error(err)
				}
				done <- name
			}()
			synctest.Wait()
		}
		nobody := make(chan struct{})
		for i := range 2 {
			begin(Caller(t.Context(), 1), fmt.Sprint("busy", i)) // they have the slots
		}
		begin(Ahead(Renewal(t.Context()), nobody), "renewal")
		begin(Ahead(t.Context(), nobody), "prefetch")
		for i := range 10 {
			begin(Caller(t.Context(), 1), fmt.Sprint("busy", 2+i))
		}
		begin(Caller(t.Context(), 2), "other")
		place := map[string]int{}
		for i := range 15 {
			place[<-done] = i
		}
		if place["other"] > 3 || place["prefetch"] < 12 || place["renewal"] != 14 {
			t.Errorf("in this order: %v", place)
		}
	})
}
