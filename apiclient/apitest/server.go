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

// Server is a running stand-in for the service, listening on the loopback interface: on one port for both
// APIs, on another one as the download host. Its methods may be called at any time, from any goroutine.
type Server struct {
	host    string // of both APIs: "http://127.0.0.1:40000"
	http    []*http.Server
	stop    context.CancelFunc
	serving sync.WaitGroup // the accepting goroutines and all connections
	calls   *counter
	checker *checker
	links   *linker
	pace    pace // of all contents together

	mu     sync.Mutex // protects what follows
	o      Options
	fault  Fault
	asking AskFault
	issued map[Call]bool // the offsets given out, for OffsetIssued
}

// New starts a server. The caller has to Close it.
func New(o Options) (*Server, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	apis, err := listen()
	if err != nil {
		return nil, err
	}
	downloads, err := listen()
	if err != nil {
		apis.Close()
		return nil, err
	}
	s := &Server{
		host:   "http://" + apis.Addr().String(),
		calls:  newCounter(),
		links:  newLinker("http://" + downloads.Addr().String()),
		o:      o,
		issued: map[Call]bool{},
	}
	s.checker = &checker{o: o, seen: map[string]int64{}}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.begin(ctx, apis, s.serve)
	s.begin(ctx, downloads, s.serveContent)
	return s, nil
}

func listen() (net.Listener, error) {
	return new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
}

// begin serves what comes to a listener.
func (s *Server) begin(ctx context.Context, l net.Listener, serve http.HandlerFunc) {
	h := &http.Server{
		Handler:     serve,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState:   s.connState,
		ErrorLog:    log.New(io.Discard, "", 0),
	}
	s.http = append(s.http, h)
	s.serving.Go(func() { h.Serve(l) })
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
	for _, h := range s.http {
		h.Close()
	}
	s.serving.Wait()
}

// URL returns the address of the command API, such as "http://127.0.0.1:40000/stable/".
func (s *Server) URL() string { return s.host + "/stable/" }

// FilesURL returns the address of the v1 API, such as "http://127.0.0.1:40000/v1/".
func (s *Server) FilesURL() string { return s.host + "/v1/" }

// DownloadURL returns the address of the download host, such as "http://127.0.0.1:40001/".
func (s *Server) DownloadURL() string { return s.links.host + "/" }

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

// SetV1 changes how the v1 API answers.
func (s *Server) SetV1(v V1Options) { s.set(func(o *Options) { o.V1 = v }) }

// SetLinks changes what download links are like from now on.
func (s *Server) SetLinks(l LinkOptions) { s.set(func(o *Options) { o.Links = l }) }

// SetContent changes how contents are sent.
func (s *Server) SetContent(c ContentOptions) { s.set(func(o *Options) { o.Content = c }) }

// RevokeLinks makes all download links invalid that were given out until now: they answer 403.
func (s *Server) RevokeLinks() { s.links.revoke() }

// SetAskFault replaces what decides on the misbehaviour of v1 and of the download host; nil ends all of it.
func (s *Server) SetAskFault(f AskFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking = f
}

// SetFault replaces what decides on the misbehaviour of the command API; nil ends all of it.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Calls returns what was counted since the start or the last ResetCalls.
func (s *Server) Calls() Calls { return s.calls.snapshot() }

// ResetCalls begins all counting anew, also that for Fault and AskFault. Requests that were seen are not forgotten:
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
