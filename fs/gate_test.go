package fs

import (
	"net"
	"net/url"
	"sync"
	"testing"

	"sefs/apiclient/apitest"
)

// passage is what a gate does with connections.
type passage int

const (
	passes    passage = iota
	swallows          // takes connections and requests, and never answers
	unheard           // takes no connection; those that it has are dead
	halfOpen          // lets requests through, but no answers: the server vanished after them
	refuses           // closes all connections and takes none
	resetsAll         // takes connections and resets them
)

// gate stands between a client and the APIs of a service, as the network does.
type gate struct {
	t      testing.TB
	target string
	addr   string
	all    sync.WaitGroup

	// mu protects what follows.
	mu      sync.Mutex
	state   passage
	changed chan struct{} // closed when state changes
	l       net.Listener  // nil while it refuses
	conns   map[net.Conn]bool
	closed  bool
}

// newGate puts a gate before a service and returns the account to be used through it.
func newGate(t testing.TB, s *apitest.Server) (*gate, account) {
	t.Helper()
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{t: t, target: u.Host, addr: "127.0.0.1:0", changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	g.listen()
	t.Cleanup(func() {
		g.mu.Lock()
		g.closed = true
		g.mu.Unlock()
		g.set(refuses)
		g.all.Wait()
	})
	a := accountOf(s)
	a.URL, a.FilesURL = "http://"+g.addr+"/stable/", "http://"+g.addr+"/v1/"
	return g, a
}

// listen begins to take connections. It is called with mu held, or before anybody else
// knows the gate.
func (g *gate) listen() {
	l, err := net.Listen("tcp", g.addr)
	if err != nil {
		g.t.Errorf("gate: %v", err)
		return
	}
	g.l, g.addr = l, l.Addr().String()
	g.all.Go(func() {
		for {
			g.wait(func(p passage) bool { return p != unheard })
			conn, err := l.Accept()
			if err != nil {
				return
			}
			g.all.Go(func() { g.serve(conn) })
		}
	})
}

// set changes what the gate does. What connections hold back they go on to hold back, as
// a network that lost it: the client has to notice.
func (g *gate) set(state passage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = state
	close(g.changed)
	g.changed = make(chan struct{})
	if state == refuses || state == resetsAll {
		for conn := range g.conns {
			_ = conn.Close()
		}
	}
	switch {
	case state == refuses && g.l != nil:
		_ = g.l.Close()
		g.l = nil
	case state != refuses && g.l == nil && !g.closed:
		g.listen()
	}
}

// wait returns when the gate is in a state, or closed.
func (g *gate) wait(in func(passage) bool) {
	for {
		g.mu.Lock()
		done, changed := in(g.state) || g.closed, g.changed
		g.mu.Unlock()
		if done {
			return
		}
		<-changed
	}
}

// is reports whether the gate is in one of some states.
func (g *gate) is(states ...passage) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range states {
		if g.state == s {
			return true
		}
	}
	return false
}

// serve passes on what comes over a connection.
func (g *gate) serve(client net.Conn) {
	g.keep(client)
	defer g.drop(client)
	if g.is(resetsAll) {
		_ = client.(*net.TCPConn).SetLinger(0)
		return
	}
	server, err := net.Dial("tcp", g.target)
	if err != nil {
		return
	}
	g.keep(server)
	defer g.drop(server)
	var both sync.WaitGroup
	both.Go(func() { g.pass(server, client, swallows, unheard) })
	both.Go(func() { g.pass(client, server, swallows, unheard, halfOpen) })
	both.Wait()
}

// pass copies bytes until one end closes. What comes in some states is lost, with all that
// follows.
func (g *gate) pass(to, from net.Conn, lost ...passage) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	buf, deaf := make([]byte, 32<<10), false
	for {
		n, err := from.Read(buf)
		deaf = deaf || n > 0 && g.is(lost...)
		if n > 0 && !deaf {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (g *gate) keep(conn net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns[conn] = true
	if g.closed {
		_ = conn.Close()
	}
}

func (g *gate) drop(conn net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, conn)
	_ = conn.Close()
}
