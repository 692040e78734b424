package apitest

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
)

// misbehave changes the answer as the reply asks for, and returns its status.
func (d *download) misbehave(head http.Header, status int) int {
	t := &d.rep.twist
	if status == http.StatusPartialContent {
		d.otherRange()
		told := d.contentRange()
		if t.total != "" {
			told = told[:strings.IndexByte(told, '/')+1] + t.total
		}
		if t.noRange {
			head.Del("Content-Range")
		} else {
			head.Set("Content-Range", told)
		}
	}
	if t.etag != "" {
		head.Set("Etag", t.etag)
	}
	if t.changed {
		d.changeMidway()
	}
	d.length = max(d.length-t.shorter, 0)
	if d.rep.errors != nil {
		d.rep.Body = constant(string(d.o.V1.failure(d.rep.errors...)))
		head.Set("Content-Type", "application/json")
	}
	d.remade(head)
	for k, v := range d.rep.Header {
		head[k] = v
	}
	if d.rep.Status != 0 {
		return d.rep.Status
	}
	return status
}

// otherRange makes the range another one than was asked for. Its bytes are those that it says.
func (d *download) otherRange() {
	t := &d.rep.twist
	if t.shift != 0 {
		d.from = min(max(d.from+t.shift, 0), d.file.Size-1)
		d.length = min(d.length, d.file.Size-d.from)
	}
	if t.length != nil {
		d.length = min(max(*t.length, 0), d.file.Size-d.from)
	}
}

// remade puts another body into the place of the right one, if the reply has one. One with a status of
// its own comes from some server that knows nothing of the file.
func (d *download) remade(head http.Header) {
	t := &d.rep.twist
	var remade []byte
	switch {
	case d.rep.Body != nil && d.rep.Status != 0:
		for _, k := range []string{"Etag", "Last-Modified", "Accept-Ranges", "Content-Range"} {
			head.Del(k)
		}
		remade = d.rep.Body(nil)
	case d.rep.Body != nil:
		remade = d.rep.Body(d.bytes())
	case t.remake != nil:
		remade = t.remake(d.bytes(), d.contentRange())
		setOrDelete(head, "Content-Encoding", t.encoding)
		if t.remakeType != "" {
			head.Set("Content-Type", t.remakeType)
		}
	default:
		return
	}
	d.body, d.from, d.length = bytes.NewReader(remade), 0, int64(len(remade))
}

// bytes returns all that is to be sent.
func (d *download) bytes() []byte {
	data := make([]byte, d.length)
	n, _ := d.body.ReadAt(data, d.from)
	return data[:n]
}

// changeMidway makes the second half of the body one of another version, of which only a part is sent.
func (d *download) changeMidway() {
	other, ok := d.o.Tree.fileOf(d.full)
	if !ok || other.Version == d.file.Version && other.Size == d.file.Size && other.Time.Equal(d.file.Time) {
		other = d.file
		other.Version++
		if other.Content != nil {
			other.Content = inverted{other.Content}
		}
	}
	half := d.length / 2
	d.body = spliced{d.body, other.reader(d.full), d.from + half}
	cut := half + (d.length-half)/2
	d.rep.twist.cut = &cut
}

// wireSend sends the answer in a way that is not about content, if the reply asks for one of those.
func (d *download) wireSend(ctx context.Context, w http.ResponseWriter, status int) bool {
	switch d.rep.wire.deed {
	case never, reset, endless:
		w.Header().Del("Content-Length")
		d.rep.wire.send(ctx, w, status, nil)
		return true
	case half:
		cut := d.length / 2
		d.rep.twist.cut = &cut
	case dripped:
		d.rep.twist.dripSize, d.rep.twist.dripEvery = 1, d.rep.wire.drip
	}
	if !d.o.Content.NoLength || !d.o.Content.NoRange {
		w.Header().Set("Content-Length", strconv.FormatInt(d.length, 10))
	}
	return false
}
