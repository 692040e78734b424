package apitest

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
)

const (
	listCommand    = "files.list"
	storageCommand = "files.getstorage"
)

// serve answers one HTTP request to the host of both APIs.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.RequestURI, "/v1/") {
		s.serveV1(w, r)
	} else {
		s.serveCommand(w, r)
	}
}

// serveCommand answers one request of the command API.
func (s *Server) serveCommand(w http.ResponseWriter, r *http.Request) {
	s.calls.begin(false)
	defer s.calls.end()
	o := s.options()
	now := o.Clock()
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "text/html; charset=UTF-8") // PHP's own, the service may not set another

	text, bad := jsonField(r)
	if r.Header.Get("Authorization") != "" {
		s.calls.leaked()
		bad = &refusal{status: http.StatusBadRequest, message: "Bad Request (it has v1's credentials)"}
	}
	var req request
	if bad == nil {
		var replayed bool
		if req, replayed, bad = s.checker.check(text, now); replayed {
			s.calls.replayed()
		}
	}
	if !wait(r.Context(), o.Latency) {
		panic(http.ErrAbortHandler)
	}
	if bad != nil {
		s.calls.refused(bad)
		s.sendRefusal(w, r, &o, bad)
		return
	}
	n := s.calls.accepted(req)
	s.reply(w, r, &o, req, s.faultFor(req, n))
}

// faultFor returns what is to be done with a request.
func (s *Server) faultFor(req request, n int) Reply {
	s.mu.Lock()
	fault := s.fault
	s.mu.Unlock()
	if fault == nil {
		return Reply{}
	}
	c := req.call
	if req.command != listCommand {
		c = Call{Path: req.command, Offset: -1}
	}
	return fault(c, n)
}

func (s *Server) sendRefusal(w http.ResponseWriter, r *http.Request, o *Options, bad *refusal) {
	if bad.status != 0 {
		http.Error(w, bad.message, bad.status)
		return
	}
	wire{}.send(r.Context(), w, o.FailureStatus, failure(o.Shape.code(bad.code), bad.message, o.Shape))
}

// reply does with a request what rep says.
func (s *Server) reply(w http.ResponseWriter, r *http.Request, o *Options, req request, rep Reply) {
	rep.hold(r.Context())
	for k, v := range rep.Header {
		w.Header()[k] = v
	}
	status, body := s.right(o, req, rep)
	if rep.Body != nil {
		body = rep.Body(body)
	}
	if rep.Status != 0 {
		status = rep.Status
	}
	rep.wire.send(r.Context(), w, status, body)
}

// right returns the right answer to a request, but for the changes to its contents that rep asks for.
func (s *Server) right(o *Options, req request, rep Reply) (status int, body []byte) {
	if req.command == storageCommand {
		return o.Shape.write(o.Storage.answer(o.Tree.root))
	}
	asked := req.call
	if rep.As != nil {
		asked = Call{
			Path:   cmp.Or(rep.As.Path, asked.Path),
			Offset: rep.As.Offset,
			Type:   cmp.Or(rep.As.Type, asked.Type),
		}
	}
	refused := o.OffsetMeans == OffsetRefused || o.OffsetMeans == OffsetIssued && !s.wasIssued(asked)
	if asked.Offset > 0 && refused {
		return o.FailureStatus, failure(o.Shape.code("0006"), messages["0006"]+" offset", o.Shape)
	}
	l := o.Tree.answer(o, asked)
	if l == nil && o.UnknownCode != "" {
		return o.FailureStatus, failure(o.Shape.code(o.UnknownCode), messages[o.UnknownCode], o.Shape)
	}
	a := &array{}
	if l != nil {
		if o.OffsetMeans == OffsetIssued {
			s.issue(l, asked)
		}
		if rep.mark != nil {
			l.mark, l.offset, l.count = -1, rep.mark[0], rep.mark[1]
		}
		a.set("data", o.Shape.data(l, req.call.Path))
	} else {
		o.Shape.nothing(a)
	}
	a.set("message", "Found Files List Data")
	a.set("status", "success")
	return o.Shape.write(a)
}

// answer returns what there is to say to a call, nil if there is no such folder.
func (t *Tree) answer(o *Options, c Call) *listed {
	rel, ok := strings.CutPrefix(c.Path+"/", t.root+"/")
	if !ok {
		return nil
	}
	return t.list(o, strings.TrimSuffix(rel, "/"), c.Type, max(c.Offset, 0))
}

func (s *Server) wasIssued(c Call) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issued[c]
}

// issue remembers the offsets that an answer gives out.
func (s *Server) issue(l *listed, c Call) {
	if l.mark == -1 {
		s.mu.Lock()
		s.issued[Call{Path: c.Path, Offset: l.offset, Type: c.Type}] = true
		s.mu.Unlock()
	}
	for _, d := range l.dirs {
		s.issue(d, Call{Path: c.Path + "/" + d.name, Type: c.Type})
	}
}

// nothing sets the data for an unknown path.
func (s Shape) nothing(a *array) {
	switch s.Nothing {
	case NothingNull:
		a.set("data", nil)
	case NothingText:
		a.set("data", "")
	case NothingFalse:
		a.set("data", false)
	case NothingList:
		a.set("data", newList())
	}
}

// code returns a failure code as the shape writes it.
func (s Shape) code(code string) any {
	if n, err := strconv.Atoi(code); err == nil && s.CodeNumber {
		return n
	}
	return code
}

// write finishes an answer and writes it out. Where json_encode fails, PHP prints the false it returns,
// which is nothing.
func (s Shape) write(a *array) (status int, body []byte) {
	if s.HandleFloat {
		a.set("handle_time", 0.3795)
	} else {
		a.set("handle_time", "0.3795 seconds")
	}
	body, err := encoder{unescaped: s.Unescaped}.encode(a)
	if err != nil {
		return http.StatusOK, nil
	}
	return http.StatusOK, append([]byte(s.Lead), body...)
}

// failure returns the text of a failure.
func failure(code any, message string, s Shape) []byte {
	_, body := s.write(newArray("status", "failure", "code", code, "message", message))
	return body
}
