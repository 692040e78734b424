package apitest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a running stand-in for the service, listening on the loopback interface. Its methods may
// be called at any time, from any goroutine.
type Server struct {
	url     string
	http    *http.Server
	stop    context.CancelFunc
	serving sync.WaitGroup // the accepting goroutine and all connections
	calls   *counter
	checker *checker

	mu     sync.Mutex // protects what follows
	o      Options
	fault  Fault
	issued map[Call]bool // the offsets given out, for OffsetIssued
}

// New starts a server. The caller has to Close it.
func New(o Options) (*Server, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{
		url:    "http://" + l.Addr().String() + "/stable/",
		calls:  newCounter(),
		o:      o,
		issued: map[Call]bool{},
	}
	s.checker = &checker{o: o, seen: map[string]int64{}}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.http = &http.Server{
		Handler:     http.HandlerFunc(s.serve),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState:   s.connState,
		ErrorLog:    log.New(io.Discard, "", 0),
	}
	s.serving.Go(func() { s.http.Serve(l) })
	return s, nil
}

// connState keeps count of the connections. New ones are only announced by the accepting goroutine,
// which is itself counted, so Close cannot miss one.
func (s *Server) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.serving.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.serving.Done()
	}
}

// Close stops the server at once, cuts all connections, and waits until nothing of it runs any more.
// Closing twice does no harm.
func (s *Server) Close() {
	s.stop()
	s.http.Close()
	s.serving.Wait()
}

// URL returns the address that requests go to, such as "http://127.0.0.1:40000/stable/".
func (s *Server) URL() string { return s.url }

// Tree returns what is served. Changes to it show in the next answer.
func (s *Server) Tree() *Tree { return s.options().Tree }

// APIKey returns the public key of the one account.
func (s *Server) APIKey() string { return s.options().APIKey }

// Secret returns the secret key of the one account.
func (s *Server) Secret() string { return s.options().Secret }

// CDN returns the CDN number of the one account.
func (s *Server) CDN() int { return s.options().CDN }

// SetLatency changes how long every call takes at least.
func (s *Server) SetLatency(d time.Duration) { s.set(func(o *Options) { o.Latency = d }) }

// SetOrder changes the order in which answers go through folders.
func (s *Server) SetOrder(order Order) { s.set(func(o *Options) { o.Order = order }) }

// SetShape changes how answers are written.
func (s *Server) SetShape(shape Shape) { s.set(func(o *Options) { o.Shape = shape }) }

// SetPageSize changes how many files one answer names at most.
func (s *Server) SetPageSize(n int) { s.set(func(o *Options) { o.PageSize = max(n, 1) }) }

// SetFault replaces what decides on misbehaviour; nil ends all misbehaviour.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Calls returns what was counted since the start or the last ResetCalls.
func (s *Server) Calls() Calls { return s.calls.snapshot() }

// ResetCalls begins all counting anew, also that for Fault. Requests that were seen are not forgotten:
// sent again they are replays.
func (s *Server) ResetCalls() { s.calls.reset() }

func (s *Server) options() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.o
}

func (s *Server) set(change func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.o)
}
