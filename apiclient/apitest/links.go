package apitest

import (
	"cmp"
	"crypto/md5"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// LinkOptions says what download links are like.
type LinkOptions struct {
	// Life is how long a link is good for. Links end on whole seconds, and are good for the second that
	// they name. Default 24 hours.
	Life time.Duration
	// NoUnix leaves the time at which a link ends out of its URL.
	NoUnix bool
	// NoField leaves the member expires out of the answer.
	NoField bool
	// ExpiredStatus is the HTTP status for a link that has ended. Default 403; nginx may also say 410.
	ExpiredStatus int
	// Host is the address that links begin with, such as "http://127.0.0.1:40001", for a proxy in front of
	// the download host. Default: the download host's own.
	Host string
}

// linker makes and checks download links, in the way of nginx's secure_link module: a link holds an MD5
// over a secret, the path and the time at which it ends.
type linker struct {
	host string // "http://127.0.0.1:40001"

	mu     sync.Mutex // protects what follows
	secret []byte
	silent map[string]int64 // the ends of links that do not tell them, by their hash
}

func newLinker(host string) *linker {
	l := &linker{host: host}
	l.revoke()
	return l
}

// revoke makes all links that were given out invalid.
func (l *linker) revoke() {
	secret := make([]byte, 16)
	rand.Read(secret)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.secret, l.silent = secret, map[string]int64{}
}

// make returns a link to the file at a full path, and when it ends, without a zone.
func (l *linker) make(o *Options, full string) (link, expires string) {
	now := o.Clock()
	end := now.Add(cmp.Or(o.Links.Life, 24*time.Hour)).UTC().Truncate(time.Second)
	path := playPrefix(o.Tree.root) + full
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = encodePart(part)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	hash := l.hash(path, end.Unix())
	link = cmp.Or(o.Links.Host, l.host) + strings.Join(parts, "/") + "?secure=" + hash
	if o.Links.NoUnix {
		l.forget(now)
		l.silent[hash] = end.Unix()
	} else {
		link += "&expires=" + strconv.FormatInt(end.Unix(), 10)
	}
	return link, end.Format("2006-01-02T15:04:05")
}

// playPrefix returns what stands before the full path in a link.
func playPrefix(root string) string {
	base, _ := accountBase(root)
	_, user, _ := strings.Cut(base, "/")
	return "/" + user + "-vod/play/"
}

// forget makes room for new links if there are very many. Called with mu held.
func (l *linker) forget(now time.Time) {
	if len(l.silent) < 100_000 {
		return
	}
	for hash, end := range l.silent {
		if end < now.Unix() {
			delete(l.silent, hash)
		}
	}
}

// hash returns the 22 characters that prove a link. Called with mu held.
func (l *linker) hash(path string, end int64) string {
	sum := md5.Sum([]byte(string(l.secret) + path + strconv.FormatInt(end, 10)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// check reads a link and returns the full path of the file that it is for, or the HTTP status to refuse it
// with. A link has to be used exactly as it was given out, to the order of its parameters.
func (l *linker) check(o *Options, uri string) (full string, status int) {
	raw, query, _ := strings.Cut(uri, "?")
	path, err := url.PathUnescape(raw)
	full, ok := strings.CutPrefix(path, playPrefix(o.Tree.root))
	if err != nil || !ok {
		return "", http.StatusNotFound
	}
	query, ok = strings.CutPrefix(query, "secure=")
	if !ok {
		return "", http.StatusForbidden
	}
	given, told, tells := strings.Cut(query, "&expires=")
	l.mu.Lock()
	defer l.mu.Unlock()
	end, known := l.silent[given]
	if tells {
		end, err = strconv.ParseInt(told, 10, 64)
		known = err == nil && strconv.FormatInt(end, 10) == told
	}
	if !known || subtle.ConstantTimeCompare([]byte(given), []byte(l.hash(path, end))) == 0 {
		return "", http.StatusForbidden
	}
	if o.Clock().Unix() > end {
		return "", cmp.Or(o.Links.ExpiredStatus, http.StatusForbidden)
	}
	return full, 0
}
