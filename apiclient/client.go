package apiclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options says which account a [Client] speaks for and how.
type Options struct {
	// URL is the address of the command API (files.list page:
	// https://api.scaleengine.net/stable/). Plain http is for loopback only, unless
	// AllowHTTP is set.
	URL string
	// FilesURL is the address of the v1 file API (files page:
	// https://{user}-sestore.secdn.net/v1/); "" if there is none to be asked.
	FilesURL string
	// Key is the account's public API key. The v1 API does without.
	Key string
	// Secret is the account's private key as printed; its text is the HMAC key, and the
	// password of the v1 API.
	Secret string
	// CDN is the account's CDN number.
	CDN int
	// Types are the files.list types whose listings are merged; at least one.
	// The service's own default, video, hides everything else.
	Types []string
	// Concurrency is how many calls of both APIs may be in flight at most; 0 means 4.
	Concurrency int
	// DownloadConcurrency is how many requests for contents may be in flight; 0 means 8.
	DownloadConcurrency int
	// Timeout is how long after a call got its turn it may be tried again, and bounds one
	// that several wait for together, whoever of them leaves; 0 means 30 s.
	Timeout time.Duration
	// Roots are the authorities whose certificates are believed; nil means the system's.
	Roots *x509.CertPool
	// AllowHTTP lets credentials and links go in clear text to other machines.
	AllowHTTP bool
	// Log gets what is worth knowing and is no error; nil means nowhere.
	Log *slog.Logger
	// Now is the clock that requests are stamped and listings dated by; nil means
	// time.Now.
	Now func() time.Time
}

// Client makes calls to the service for one account. It is safe for concurrent
// use and must not be copied.
type Client struct {
	opts  Options
	from  account
	http  *http.Client
	slots *slots // one per call in flight, of both APIs
	clock *clock
	// The services are independent of each other; the first two share the slots.
	list, v1, contents *service

	downloads *http.Client // has no credentials
	ranges    *slots       // one per request for contents in flight
	links     *links
	v1Works   atomic.Bool // whether v1 ever gave an answer

	countsMore atomic.Bool // whether __file_count was found to count more than what is named

	base   context.Context // of calls that several wait for; ended by Close
	stop   context.CancelFunc
	shared sync.WaitGroup // those calls
	log    *slog.Logger
	made   time.Time
}

// New returns a client. It makes no call; the error is about the options.
func New(o Options) (*Client, error) {
	switch {
	case o.Key == "" && o.URL != "":
		return nil, errors.New("no API key")
	case o.Secret == "":
		return nil, errors.New("no API secret")
	case o.CDN <= 0:
		return nil, errors.New("no CDN number")
	case len(o.Types) == 0 && o.URL != "":
		return nil, errors.New("no files.list type")
	case o.URL == "" && o.FilesURL == "":
		return nil, errors.New("no address of the service")
	}
	for _, address := range []string{o.URL, o.FilesURL} {
		if address == "" {
			continue
		}
		if err := CheckURL(address, o.AllowHTTP); err != nil {
			return nil, err
		}
	}
	if o.FilesURL != "" {
		o.FilesURL = strings.TrimRight(o.FilesURL, "/") + "/"
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 4
	}
	if o.DownloadConcurrency <= 0 {
		o.DownloadConcurrency = 8
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	base, stop := context.WithCancel(context.Background())
	c := &Client{
		base: base, stop: stop,
		opts:  o,
		from:  account{key: o.Key, cdn: o.CDN, order: rand.Uint64()},
		http:  newHTTPClient(o.Concurrency, o.Roots),
		slots: newSlots(o.Concurrency),
		clock: newClock(o.Now),
		log:   o.Log,
		made:  o.Now(),

		downloads: newDownloadClient(o.DownloadConcurrency, o.Roots),
		ranges:    newSlots(o.DownloadConcurrency),
		links:     newLinks(),
	}
	c.list, c.v1 = c.newService("files.list", c.slots), c.newService("v1", c.slots)
	c.contents = c.newService("the download host", c.ranges)
	return c, nil
}

// Settle returns once the second is over that the client was made in. A process that
// ended just before may have sent requests in it that are the very same as this
// client's, and a service that guards against replays would refuse them.
func (c *Client) Settle(ctx context.Context) error {
	timer := time.NewTimer(time.Unix(c.made.Unix()+1, 0).Sub(c.opts.Now()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close drops idle connections, once the calls are done that belong to nobody alone.
// Other calls in flight are ended by their contexts.
func (c *Client) Close() {
	c.stop()
	c.shared.Wait()
	c.http.CloseIdleConnections()
	c.downloads.CloseIdleConnections()
}

// CheckURL reports why address cannot be the service's: signed requests go over
// TLS, or in plain text to this machine only, unless allowHTTP is set.
func CheckURL(address string, allowHTTP bool) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return errors.New("not an address such as https://api.scaleengine.net/stable/")
	case u.User != nil:
		return errors.New("an address with a user name or password is not accepted")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("an address with a query or fragment is not accepted")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("scheme %q is not accepted; use https", u.Scheme)
	}
	if !allowHTTP && !isLoopback(u) {
		return errors.New("plain http is accepted for this machine only; use https")
	}
	return nil
}

func isLoopback(u *url.URL) bool {
	return u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
}

// IsClearText reports whether what is sent to address can be read on its way: plain http
// to another machine.
func IsClearText(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && !isLoopback(u)
}

// newHTTPClient has no timeout of its own: every request carries a context with
// a deadline. It follows no redirect, which would carry a signed request away.
func newHTTPClient(concurrency int, roots *x509.CertPool) *http.Client {
	return &http.Client{
		Transport:     newTransport(concurrency, roots),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// newDownloadClient is for contents: bytes come as they are stored, and each range has
// a connection to itself, since one shared by all would be as slow as one.
func newDownloadClient(concurrency int, roots *x509.CertPool) *http.Client {
	c, t := newHTTPClient(concurrency, roots), newTransport(concurrency, roots)
	t.ForceAttemptHTTP2, t.HTTP2, t.DisableCompression = false, nil, true
	c.Transport = t
	return c
}

func newTransport(concurrency int, roots *x509.CertPool) *http.Transport {
	dialer := net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   concurrency,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   15 * time.Second,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		ExpectContinueTimeout: time.Second,
		// Answers of the service have some hundred bytes of headers.
		MaxResponseHeaderBytes: 64 << 10,
		// A connection that died in silence is found out, not used on and on.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}
}
