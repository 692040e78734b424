package cache

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sefs/apiclient"
)

// A load is made for the caller that began it, whoever joins it.
func TestLoadsAreMadeForTheirCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		made := map[string]int{}
		l := &lister{list: func(ctx context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
			mu.Lock()
			made[r.Path] = apiclient.CallerOf(ctx)
			mu.Unlock()
			time.Sleep(time.Second)
			return folder("a"), nil
		}}
		c := newListings(t, l)
		var all sync.WaitGroup
		for id := range 3 {
			path := fmt.Sprint(root, "/", id)
			for _, caller := range []int{100 + id, 200 + id} {
				all.Go(func() {
					if _, err := c.Get(apiclient.Caller(t.Context(), caller), path); err != nil {
						t.Error(err)
					}
				})
				synctest.Wait()
			}
		}
		all.Wait()
		for id := range 3 {
			if got := made[fmt.Sprint(root, "/", id)]; got != 100+id {
				t.Errorf("made for %d, want %d", got, 100+id)
			}
		}
	})
}
