package cache

import (
	"sync"
	"time"
)

// failures repeats the error of a failed load for a while, so that callers in a
// queue do not each wait as long as the first did. Only failures that hurt are put
// here: of a load that took long, that many names ask for, or where something older can
// be shown instead. The zero value is ready to use.
type failures struct {
	// mu protects byPath.
	mu     sync.Mutex
	byPath map[string]failure
}

type failure struct {
	err   error
	until time.Time
}

func (f *failures) remember(path string, err error, now time.Time, during time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for path, old := range f.byPath {
		if !now.Before(old.until) {
			delete(f.byPath, path)
		}
	}
	if f.byPath == nil {
		f.byPath = make(map[string]failure)
	}
	f.byPath[path] = failure{err, now.Add(during)}
}

// recent returns the error of a load of path that failed a short while ago.
func (f *failures) recent(path string, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if old, ok := f.byPath[path]; ok && now.Before(old.until) {
		return old.err
	}
	return nil
}

// forget lets the next load of path run.
func (f *failures) forget(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byPath, path)
}
