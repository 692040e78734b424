package apitest

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// serveContent answers one request to the download host.
func (s *Server) serveContent(w http.ResponseWriter, r *http.Request) {
	s.calls.beginDownload()
	defer s.calls.endDownload()
	o := s.options()
	w.Header().Set("Date", o.Clock().UTC().Format(http.TimeFormat))
	w.Header().Set("Server", "nginx")
	if bad := checkContent(&o, r); bad != nil {
		if bad.code == "leak" {
			s.calls.leaked()
		}
		s.calls.refused(bad)
		sendPage(w, bad.status)
		return
	}
	full, status := s.links.check(&o, r.RequestURI)
	if status != 0 {
		sendPage(w, status)
		return
	}
	file, ok := o.Tree.fileOf(full)
	if !ok {
		sendPage(w, http.StatusNotFound)
		return
	}
	asked, bad := parseRange(r.Header.Values("Range"))
	if bad != nil {
		s.calls.refused(bad)
		sendPage(w, bad.status)
		return
	}
	ask := Ask{Kind: AskContent, Path: full, Length: -1}
	if asked != nil {
		ask.Offset, ask.Length = asked.from, asked.length
	}
	if r.Method == http.MethodHead {
		ask.Length = 0
	}
	rep := s.askFault(ask, s.calls.asked(ask))
	rep.hold(r.Context())
	if !wait(r.Context(), o.Content.FirstByte) {
		panic(http.ErrAbortHandler)
	}
	d := &download{s: s, o: &o, full: full, file: file, rep: rep, range_: asked}
	d.answer(w, r)
}

// fileOf returns the file at a full path.
func (t *Tree) fileOf(full string) (File, bool) {
	rel, ok := strings.CutPrefix(full, t.root+"/")
	if !ok {
		return File{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.top.file(rel)
	if f == nil || f.Deleted {
		return File{}, false
	}
	return *f, true
}

// checkContent says what is wrong with a request for contents, whatever it is for. What is called a leak
// are credentials, which have no business at the download host.
func checkContent(o *Options, r *http.Request) *refusal {
	if leaks(o, r) {
		return &refusal{status: http.StatusBadRequest, code: "leak", message: "credentials were sent to the download host"}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return &refusal{status: http.StatusMethodNotAllowed, code: "content", message: "the method is " + r.Method}
	}
	if r.ContentLength != 0 {
		return &refusal{status: http.StatusBadRequest, code: "content", message: "a GET with a body"}
	}
	return nil
}

// leaks says whether a request holds the account's credentials, or a header that is for such.
func leaks(o *Options, r *http.Request) bool {
	text := []string{r.RequestURI, r.Host}
	if plain, err := url.PathUnescape(r.RequestURI); err == nil {
		text = append(text, plain)
	}
	for name, values := range r.Header {
		switch {
		case name == "Authorization" || name == "Proxy-Authorization" || name == "Cookie":
			return true
		case strings.HasPrefix(name, "X-Api"):
			return true
		}
		text = append(append(text, name), values...)
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	text = append(text, string(body))
	// Keys that are very short, as in some tests, would be found by chance, and so would the public one,
	// which may be a word, in the names of files.
	const least = 6
	where := strings.Join(text, "\n")
	if len(o.Secret) >= least && strings.Contains(where, o.Secret) {
		return true
	}
	where = strings.ReplaceAll(where, r.URL.EscapedPath(), "")
	where = strings.ReplaceAll(where, r.URL.Path, "")
	return len(o.APIKey) >= least && strings.Contains(where, o.APIKey)
}

// sendPage answers with a web server's page about a status.
func sendPage(w http.ResponseWriter, status int) {
	rep := Status(status)
	body := rep.Body(nil)
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// download is one answer that has content.
type download struct {
	s      *Server
	o      *Options
	full   string
	file   File // as it was when the request came
	rep    AskReply
	range_ *byteRange // what was asked for, nil for the whole file

	from, length int64 // what is sent
	body         io.ReaderAt
}

// answer sends the headers, and then the content.
func (d *download) answer(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	etag, modified := d.validators()
	setOrDelete(head, "Etag", etag)
	setOrDelete(head, "Last-Modified", modified)
	head.Set("Content-Type", contentType(d.full))
	if !d.o.Content.NoRange {
		head.Set("Accept-Ranges", "bytes")
	}
	if r.Header.Get("If-Match") != "" && !strongMatch(r.Header.Get("If-Match"), etag) {
		sendPage(w, http.StatusPreconditionFailed)
		return
	}
	status := http.StatusOK
	d.body, d.from, d.length = d.file.reader(d.full), 0, d.file.Size
	if d.range_ != nil && !d.o.Content.NoRange && !d.rep.twist.whole && ifRange(r.Header.Get("If-Range"), etag, modified) {
		if d.range_.from >= d.file.Size {
			head.Set("Content-Range", fmt.Sprintf("bytes */%d", d.file.Size))
			sendPage(w, http.StatusRequestedRangeNotSatisfiable)
			return
		}
		status = http.StatusPartialContent
		d.from, d.length = d.range_.clip(d.file.Size)
		head.Set("Content-Range", d.contentRange())
	}
	status = d.misbehave(head, status)
	d.send(w, r, status)
}

// contentRange says what is sent.
func (d *download) contentRange() string {
	return fmt.Sprintf("bytes %d-%d/%d", d.from, d.from+d.length-1, d.file.Size)
}

// validators returns the file's ETag and its date, "" for what is not told.
func (d *download) validators() (etag, modified string) {
	v := d.o.Content.Validators
	if v == ValidatorsBoth || v == ValidatorETag || v == ValidatorWeakETag {
		etag = fmt.Sprintf(`"%x-%x"`, unix(d.file.Time), d.file.Size)
		if d.file.Version != 0 {
			etag = fmt.Sprintf(`"%x-%x-%x"`, unix(d.file.Time), d.file.Size, d.file.Version)
		}
		if v == ValidatorWeakETag {
			etag = "W/" + etag
		}
	}
	if (v == ValidatorsBoth || v == ValidatorLastModified) && !d.file.Time.IsZero() {
		modified = d.file.Time.UTC().Format(http.TimeFormat)
	}
	return etag, modified
}

// contentType tells the type of a file's content from its name.
func contentType(full string) string {
	switch KindOf(full) {
	case Video:
		return "video/mp4"
	case Audio:
		return "audio/mpeg"
	}
	if t := mime.TypeByExtension(path.Ext(full)); strings.HasPrefix(t, "image/") {
		return t
	}
	return "application/octet-stream"
}

func setOrDelete(h http.Header, key, value string) {
	if value == "" {
		h.Del(key)
	} else {
		h.Set(key, value)
	}
}
