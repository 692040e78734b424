package cache

import (
	"context"
	"sync"
	"time"

	"sefs/apiclient"
)

// renewAt is the part of the TTL that is left when what is used is renewed: a quarter.
// What fails is tried again after a twentieth of the TTL, by the next use.
const (
	renewAt    = 4
	renewAgain = 20
)

// used notes that memory answered about the folder at path, for a caller that is no
// walker; the listing counts for so much longer. If that is not much, it is renewed while
// callers go on with it. None of them waits for that, or hears of a failure.
func (l *Listings) used(path string, left time.Duration) {
	soon := l.opts.TTL / renewAt
	if left > soon || l.opts.Ahead <= 0 {
		return
	}
	l.renew(path, path, func(ctx context.Context) (any, error) {
		listing, err := l.load(ctx, path, soon, false)
		if err != nil && l.fresh(path) != nil {
			l.failures.forget(path) // what is there was not asked for in vain
		}
		return listing, err
	})
}

// usedAttrs is used for the attributes of a folder's files. They are asked for by
// themselves, whoever told of them before: nothing shows that others are used.
func (l *Listings) usedAttrs(path string, have *Attrs, left time.Duration) {
	soon := l.opts.TTL / renewAt
	if left > soon || l.opts.Ahead <= 0 {
		return
	}
	if have.listed {
		l.used(path, left)
		return
	}
	key := attrsKey(path)
	load := l.attrsLoad(path, 0, func(a *Attrs) bool { return l.life(a.asked) > soon })
	l.renew(path, key, func(ctx context.Context) (any, error) {
		attrs, err := load(ctx)
		if err != nil && l.attrsKnown(path) {
			l.failures.forget(key)
		}
		return attrs, err
	})
}

// renew begins a load for key, about the folder at path, unless it is too early to try
// again, enough others are running, or a walker came by.
func (l *Listings) renew(path, key string, load func(context.Context) (any, error)) {
	if l.loads.flying(key) || l.walks.by(path) {
		return
	}
	if !l.renewing.begin(key, l.opts.Now(), l.opts.TTL/renewAgain, l.opts.Ahead) {
		return
	}
	behind := func(ctx context.Context) (any, error) { return load(apiclient.Renewal(ctx)) }
	if l.loads.ahead(key, behind, func(error) { l.renewing.end() }) {
		l.counters.renewals.Add(1)
	} else {
		l.renewing.end()
	}
}

// renewing bounds the loads that renew. The zero value is ready to use.
type renewing struct {
	// mu protects what follows.
	mu    sync.Mutex
	count int                  // running
	tried map[string]time.Time // begun a short while ago, by key
}

// begin counts a load in, unless there are limit already, or one for key began within
// the pause before now.
func (r *renewing) begin(key string, now time.Time, pause time.Duration, limit int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.tried[key]; r.count >= limit || ok && now.Sub(at) < pause {
		return false
	}
	for key, at := range r.tried {
		if now.Sub(at) >= pause {
			delete(r.tried, key)
		}
	}
	if r.tried == nil {
		r.tried = make(map[string]time.Time)
	}
	r.tried[key] = now
	r.count++
	return true
}

func (r *renewing) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count--
}
