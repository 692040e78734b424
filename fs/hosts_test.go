package fs

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// both does something with the proxies before both hosts.
func (b *broken) both(do func(p *proxy)) {
	do(b.apis)
	do(b.downloads)
}

// outages are ways in which a whole host is away.
func outages() map[string]func(p *proxy) {
	meet := func(m meeting) func(p *proxy) { return func(p *proxy) { p.met(m) } }
	return map[string]func(p *proxy){
		"refused":         (*proxy).refuse,
		"closed at once":  meet(closes),
		"reset at once":   meet(resets),
		"never an answer": meet(waits),
	}
}

// While the hosts are away, whatever needs them is an error, in bounded time, and what is
// known is shown. When they are back, so is all else.
func TestHostsAreAway(t *testing.T) {
	lasting(t)
	for name, away := range outages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const timeout = time.Second
			b := mountBroken(t, timeout)
			b.both(away)
			began := time.Now()
			var beside sync.WaitGroup
			beside.Go(b.known)
			for _, path := range []string{"dir/007", "dir/missing", "deep/sized/0.mp4", "other"} {
				beside.Go(func() {
					if _, err := b.names(path); !isFailure(err) {
						t.Errorf("%s: %v", path, err)
					}
				})
			}
			b.each(fault{}, func(p program) { b.fails("while they are away", p) })
			beside.Wait()
			// Each waits for a name and for what it is, and some for each other; programs take
			// time to start.
			if took := time.Since(began); took > 10*timeout+10*time.Second {
				t.Errorf("it took %v", took)
			}
			b.both((*proxy).accept)
			b.both(func(p *proxy) { p.met(nil) })
			b.each(fault{}, b.heals)
		})
	}
}

// A host that is back after a moment was never away: connections that end or are reset are made
// anew, also in the middle of answers.
func TestHostsAreAwayForAMoment(t *testing.T) {
	lasting(t)
	first := func(n int32, m meeting) func(p *proxy) {
		return func(p *proxy) {
			var met atomic.Int32
			p.met(func(c *net.TCPConn) bool { return met.Add(1) > n || m(c) })
		}
	}
	for name, away := range map[string]func(p *proxy){
		"closed at first": first(2, closes),
		"reset at first":  first(2, resets),
		"restarted": func(p *proxy) {
			var once sync.Once
			p.set(func(string) wire {
				return func(x *exchange) bool {
					begun := false
					once.Do(func() {
						begun = true
						x.send(halfBody(x))
						p.refuse()
						p.accept()
					})
					return !begun && asIs(x)
				}
			})
		},
		"idle connections end": func(p *proxy) {
			p.set(func(string) wire {
				return func(x *exchange) bool {
					asIs(x)
					time.Sleep(20 * time.Millisecond)
					return false
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := mountBroken(t, 20*time.Second)
			b.both(away)
			b.each(fault{}, func(p program) { b.right("after a moment", p) })
			if got := b.find(); len(got) != len(want(b.tree)) {
				t.Errorf("%d names", len(got))
			}
		})
	}
}

// What listens at the service's address, and is not the service, is an error, and nothing
// that is kept.
func TestOtherHosts(t *testing.T) {
	lasting(t)
	for name, address := range map[string]func(b *broken) string{
		"no TLS where it should be": func(b *broken) string { return "https://" + b.apis.addr },
		"a name that nobody has":    func(*broken) string { return "https://sefs-test.invalid" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := mountBroken(t, 20*time.Second)
			b.unmount()
			right := b.account
			host := address(b)
			b.account.URL, b.account.FilesURL = host+"/stable/", host+"/v1/"
			b.mount(setup{timeout: 2 * time.Second})
			for _, path := range []string{"", "dir", "films/film.mp4", "missing"} {
				if _, err := os.ReadDir(filepath.Join(b.dir, path)); !isFailure(err) {
					t.Errorf("%q: %v", path, err)
				}
			}
			b.unmount()
			b.account = right
			b.mount(setup{})
			if got, err := b.names(""); err != nil || strings.Count(got, "\n") != 4 {
				t.Errorf("at the right address: %q, %v", got, err)
			}
		})
	}
}
