package fs

import (
	"fmt"
	"os"
	"strconv"
	"sync"
)

// walkDeed walks a folder as fd and rclone do: so many readers take the next folder that
// was found, whoever found it. It prints what find does with %y and the path.
func walkDeed(args []string) int {
	dir := args[0]
	readers, err := strconv.Atoi(args[1])
	if err != nil {
		return fail(os.Stderr, "%v", err)
	}
	var (
		mu      sync.Mutex
		found   = sync.NewCond(&mu)
		waiting = []string{""}
		busy    int
		failed  error
		readAll sync.WaitGroup
	)
	read := func(rel string) (dirs []string, err error) {
		entries, err := os.ReadDir(dir + "/" + rel)
		for _, e := range entries {
			path := e.Name()
			if rel != "" {
				path = rel + "/" + path
			}
			kind := 'f'
			if e.IsDir() {
				kind, dirs = 'd', append(dirs, path)
			}
			fmt.Printf("%c %s\x00", kind, path)
		}
		return dirs, err
	}
	for range readers {
		readAll.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			for {
				for len(waiting) == 0 && busy > 0 {
					found.Wait()
				}
				if len(waiting) == 0 {
					return
				}
				next := waiting[0]
				waiting, busy = waiting[1:], busy+1
				mu.Unlock()
				dirs, err := read(next)
				mu.Lock()
				if err != nil {
					failed = err
				}
				waiting, busy = append(waiting, dirs...), busy-1
				found.Broadcast()
			}
		})
	}
	readAll.Wait()
	if failed != nil {
		return fail(os.Stderr, "%v", failed)
	}
	return 0
}
