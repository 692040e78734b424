package fs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// proxy is a network that fails. It stands between a client and one host of the stand-in,
// takes whole answers from there, and sends them as it is told to. Its port stays its own
// while it refuses connections.
type proxy struct {
	t      testing.TB
	target string // host:port
	addr   string // its own
	port   int    // a socket that keeps the port
	all    sync.WaitGroup

	// mu protects what follows.
	mu     sync.Mutex
	listen net.Listener          // nil while connections are refused
	ended  chan struct{}         // closed when nothing is accepted from it any more
	conns  map[net.Conn]struct{} // of clients
	meet   meeting               // what becomes of new connections; nil means that they are served
	fault  func(key string) wire // what becomes of answers; nil, or one that is, sends them
	closed bool
}

// meeting is what becomes of a connection before a request is read. It returns whether
// the connection is served.
type meeting func(c *net.TCPConn) bool

// wire is how an answer is sent. It returns whether the connection serves on.
type wire func(x *exchange) bool

// exchange is a request with its right answer, of which nothing has been sent.
type exchange struct {
	to     *net.TCPConn
	status string   // HTTP/1.1 200 OK
	head   []string // other lines of the head
	body   []byte
}

// newProxy starts a proxy before the host at an address such as http://127.0.0.1:4000/.
func newProxy(t testing.TB, address string) *proxy {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, target: u.Host, port: port, conns: map[net.Conn]struct{}{}}
	t.Cleanup(p.close)
	// A socket that is bound, but does not listen, leaves the port to nobody but those
	// who ask for it by number.
	if err := syscall.SetsockoptInt(port, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(port, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	own, err := syscall.Getsockname(port)
	if err != nil {
		t.Fatal(err)
	}
	p.addr = fmt.Sprintf("127.0.0.1:%d", own.(*syscall.SockaddrInet4).Port)
	p.accept()
	return p
}

// through is an address with the proxy's in the place of the host's.
func (p *proxy) through(address string) string {
	return strings.Replace(address, p.target, p.addr, 1)
}

// accept lets connections in.
func (p *proxy) accept() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listen != nil || p.closed {
		return
	}
	l, err := net.Listen("tcp", p.addr)
	// A program that a test starts holds all of our sockets until it is begun.
	for end := time.Now().Add(patience); errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		l, err = net.Listen("tcp", p.addr)
	}
	if err != nil {
		p.t.Errorf("the proxy's port: %v", err)
		return
	}
	ended := make(chan struct{})
	p.listen, p.ended = l, ended
	p.all.Go(func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() { p.serve(c.(*net.TCPConn)) })
		}
	})
}

// refuse refuses connections from now on, and ends those that are there.
func (p *proxy) refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listen != nil {
		_ = p.listen.Close()
		<-p.ended // before that the port is not free
		p.listen = nil
	}
	p.drop()
}

// drop ends all connections. Called with mu held.
func (p *proxy) drop() {
	for c := range p.conns {
		_ = c.Close()
	}
}

// met sets what becomes of new connections, and ends those that are there.
func (p *proxy) met(m meeting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meet = m
	p.drop()
}

// set sets what becomes of answers.
func (p *proxy) set(fault func(key string) wire) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

func (p *proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.refuse()
	p.all.Wait()
	_ = syscall.Close(p.port)
}

// serve passes on what comes over a connection, one request after another.
func (p *proxy) serve(c *net.TCPConn) {
	p.mu.Lock()
	meet, refused := p.meet, p.listen == nil
	p.conns[c] = struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, c)
		_ = c.Close()
	}()
	if refused || meet != nil && !meet(c) {
		return
	}
	in := bufio.NewReader(c)
	for {
		head, body, err := message(in)
		if err != nil {
			return
		}
		x, err := p.ask(head, body)
		if err != nil {
			return
		}
		x.to = c
		p.mu.Lock()
		fault := p.fault
		p.mu.Unlock()
		send := wire(asIs)
		if fault != nil {
			if w := fault(key(head[0], body)); w != nil {
				send = w
			}
		}
		if !send(x) {
			return
		}
	}
}

// message reads a request with its body.
func message(in *bufio.Reader) (head []string, body []byte, err error) {
	length := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, nil, err
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			break
		}
		head = append(head, line)
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return nil, nil, err
			}
		}
	}
	body = make([]byte, length)
	_, err = io.ReadFull(in, body)
	return head, body, err
}

// ask gets the right answer to a request.
func (p *proxy) ask(head []string, body []byte) (*exchange, error) {
	c, err := net.Dial("tcp", p.target)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	lines := append([]string{head[0], "Connection: close"}, head[1:]...)
	if _, err := c.Write(append([]byte(strings.Join(lines, "\r\n")+"\r\n\r\n"), body...)); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		return nil, err
	}
	text, rest, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
	lines = strings.Split(string(text), "\r\n")
	x := &exchange{status: lines[0], body: rest}
	for _, line := range lines[1:] {
		if line != "Connection: close" {
			x.head = append(x.head, line)
		}
	}
	return x, nil
}

// key says what a request is for: list, files, link or content, and the full path; for
// list the offset as well.
func key(line string, body []byte) string {
	_, target, _ := strings.Cut(line, " ")
	target, _, _ = strings.Cut(target, " ")
	target, _, _ = strings.Cut(target, "?")
	target, _ = url.PathUnescape(target)
	base := root[:strings.LastIndexByte(root, '/')+1]
	account := root[len(base):]
	for kind, prefix := range map[string]string{"files": "/v1/files/", "link": "/v1/download/"} {
		if rel, ok := strings.CutPrefix(target, prefix); ok {
			return kind + " " + strings.TrimSuffix(root+"/"+rel, "/")
		}
	}
	if full, ok := strings.CutPrefix(target, "/"+account+"-vod/play/"); ok {
		return "content " + full
	}
	var asked struct {
		Path   string
		Offset int
	}
	form, _ := url.ParseQuery(string(body))
	_ = json.Unmarshal([]byte(form.Get("json")), &asked)
	return listKey(asked.Path, asked.Offset)
}

func listKey(path string, offset int) string { return fmt.Sprintf("list %s %d", path, max(offset, 0)) }

// callKey and askKey are the keys of what the stand-in was asked.
func callKey(c apitest.Call) string { return listKey(c.Path, c.Offset) }
func askKey(a apitest.Ask) string   { return a.Kind.String() + " " + a.Path }
