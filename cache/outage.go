package cache

import (
	"log/slog"
	"sync"
	"time"
)

const (
	// calm is for how long nothing old may have been shown before one success ends an
	// outage in which more than that was shown old.
	calm = 10 * time.Second
	// longCalm is calm where what succeeded was not shown old: it says little.
	longCalm = time.Minute
	// maxMisses is how many loads have to fail in a row before callers for whom something
	// older is there wait no longer than glance.
	maxMisses = 3
	glance    = 500 * time.Millisecond
	// maxShownOld bounds of how many loads it is remembered that they fail.
	maxShownOld = 10_000
)

// outage is whether something older is being shown for a service that fails. It begins
// when that is done, and does not end and begin anew while one folder fails beside others
// that do not. It is safe for concurrent use. Times are by the clock of the caller.
type outage struct {
	log *slog.Logger

	// mu protects what follows.
	mu     sync.Mutex
	begun  bool
	times  int64               // how often it began
	misses int                 // loads that failed since one succeeded
	last   time.Time           // when something old was shown last
	failed map[string]struct{} // loads for which something old was shown, and that did not succeed since
}

// missed notes a load that failed for a passing reason.
func (o *outage) missed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.misses++
}

// hopeless reports whether it is hardly worth to wait for a load: something old was shown a
// moment ago, and of the last loads none succeeded.
func (o *outage) hopeless(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.begun && o.misses >= maxMisses && now.Sub(o.last) < calm
}

// shown notes that something older was shown for a load that failed, for up to stale.
func (o *outage) shown(key string, err error, now time.Time, stale time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = now
	if o.failed == nil {
		o.failed = make(map[string]struct{})
	}
	if len(o.failed) < maxShownOld {
		o.failed[key] = struct{}{}
	}
	if o.begun {
		return
	}
	o.begun = true
	o.times++
	o.log.Warn("the service fails; older listings are shown", "error", err, "for_up_to", stale)
}

// succeeded notes a load that the service answered.
func (o *outage) succeeded(key string, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.misses = 0
	if !o.begun {
		return
	}
	_, known := o.failed[key]
	delete(o.failed, key)
	quiet := now.Sub(o.last)
	if known && (len(o.failed) == 0 || quiet >= calm) || quiet >= longCalm {
		o.begun, o.failed = false, nil
		o.log.Info("the service answers again")
	}
}

// state is whether an outage goes on, and how many there were.
func (o *outage) state() (begun bool, times int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.begun, o.times
}
