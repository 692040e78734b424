package apiclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"
)

const (
	// maxLinks bounds how many links are kept; each takes about half a kilobyte.
	maxLinks = 4096
	// plainLife is how long a link is used that does not say when it ends. One lasts a
	// day by default (download page).
	plainLife = 10 * time.Minute
	// minLife is how long a link is used that seems to have ended: our clock or what we
	// read may be wrong, and if not, it is refused and renewed.
	minLife = 5 * time.Second
)

// link is a signed address of a file's bytes. It is a secret: whoever has it can read
// the file.
type link struct {
	url   string
	until time.Time // used no longer than this, by our clock
}

// String keeps the address out of logs, should a link ever be printed.
func (link) String() string { return "(a link)" }

// links keeps the links in use, so that all readers of a file share one. It is safe
// for concurrent use.
type links struct {
	group singleflight.Group

	// mu protects what follows.
	mu    sync.Mutex
	kept  *simplelru.LRU[string, link]
	calls map[string]*linkCall // one for each call of group
}

func newLinks() *links {
	kept, err := simplelru.NewLRU[string, link](maxLinks, nil)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	return &links{kept: kept, calls: make(map[string]*linkCall)}
}

func (l *links) get(path string, now time.Time) (link, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	have, ok := l.kept.Get(path)
	return have, ok && now.Before(have.until)
}

func (l *links) put(path string, new link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept.Add(path, new)
}

// drop forgets a link that was refused, unless another has taken its place.
func (l *links) drop(path string, refused link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if have, ok := l.kept.Peek(path); ok && have.url == refused.url {
		l.kept.Remove(path)
	}
}

// link returns an address for the file at path: one that is kept, or a new one, asked
// for once for all who want it; asked says whether it had to be waited for. turn is
// called when that call gets its turn, if it is this caller's. A call that is waited for
// does not end with ctx, since others may wait for it, but with the client.
func (c *Client) link(ctx context.Context, path string, turn func()) (l link, asked bool, err error) {
	for {
		if have, ok := c.links.get(path, c.opts.Now()); ok {
			return have, asked, nil
		}
		l, err = c.awaitLink(ctx, path, turn)
		if _, alone := unwanted(ctx); alone || !FailedAhead(err) {
			return l, true, err
		}
		asked = true // of one who did not wait for it
	}
}

// newLink asks for a link and keeps it. From when the call gets its turn it has so long
// as Options.Timeout says.
func (c *Client) newLink(ctx context.Context, path string, turn func()) (new link, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begin := sync.OnceFunc(func() {
		late := time.AfterFunc(c.opts.Timeout, func() {
			cancel(fmt.Errorf("no answer within %v (--timeout)", c.opts.Timeout))
		})
		context.AfterFunc(ctx, func() { late.Stop() })
	})
	req := v1Request{endpoint: "download", path: path, limit: maxSmall, alone: true, turn: func() {
		begin()
		if turn != nil {
			turn()
		}
	}}
	err = c.get(ctx, req, func(body []byte, head v1Head) error {
		address, life, err := decodeLink(body, head, relative(path), c.opts.AllowHTTP)
		if err == nil {
			err = checkReach(address, c.opts.FilesURL)
		}
		if err != nil {
			return err
		}
		new = link{url: address, until: head.asked.Add(life)}
		return nil
	})
	if err == nil {
		c.links.put(path, new)
	}
	return new, err
}

// decodeLink reads the answer about a link, and for how long it may be used: until
// shortly before it ends. That is told in Unix seconds by the address, or as a date in
// UTC by expires (download page). Both are compared with the service's own clock where
// the answer tells it.
func decodeLink(body []byte, head v1Head, asked string, allowHTTP bool) (address string, life time.Duration, err error) {
	var answer v1Answer
	var told value
	if err := answer.read(body, func(first json.Token) (err error) {
		told, err = answer.item(first)
		told = unwrapOne(told)
		return err
	}); err != nil {
		return "", 0, err
	}
	text, _ := told.get("url")
	if text.kind != kindText || text.text == "" {
		return "", 0, malformed("an answer without the link")
	}
	if path, ok := told.get("path"); ok && path.kind == kindText && lastPart(path.text) != lastPart(asked) {
		return "", 0, malformed("a link to another file")
	}
	if err := checkLink(text.text, allowHTTP); err != nil {
		return "", 0, malformed("a link that is not used: %v", err)
	}
	now := head.date
	if now.IsZero() {
		now = head.asked
	}
	ends := linkEnd(text.text)
	if ends.IsZero() {
		if expires, ok := told.get("expires"); ok {
			ends = readTime(expires)
		}
	}
	if ends.IsZero() {
		return text.text, plainLife, nil
	}
	life = ends.Sub(now)
	if life <= 0 {
		return text.text, minLife, nil
	}
	return text.text, life - min(time.Minute, life/10), nil
}

// linkEnd reads when an address ends from its query, if it says so.
func linkEnd(address string) time.Time {
	u, err := url.Parse(address)
	if err != nil {
		return time.Time{}
	}
	for _, key := range []string{"expires", "e"} { // download page; SecureLink page
		if n, err := strconv.ParseInt(u.Query().Get(key), 10, 64); err == nil && n > 0 {
			return time.Unix(n, 0)
		}
	}
	return time.Time{}
}

// lastPart is the name that a path ends with.
func lastPart(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// checkLink reports why an address cannot be a link, without repeating it.
func checkLink(address string, allowHTTP bool) error {
	bare, _, _ := strings.Cut(address, "?")
	bare, _, _ = strings.Cut(bare, "#")
	return CheckURL(bare, allowHTTP)
}

// checkReach reports why a link may not be followed that a service at the address api gave:
// one on the net has no business on this machine or behind its network's door.
func checkReach(link, api string) error {
	if inside(link) && !inside(api) {
		return malformed("a link into this machine's own network, which is not used")
	}
	return nil
}

// inside reports whether an address names this machine or a host of a private network by
// its number. What other names lead to is not asked here: a download host may well stand in
// the same network.
func inside(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return true
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	host, _, _ = strings.Cut(host, "%") // a zone
	ip := net.ParseIP(host)
	return ip != nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast())
}
