package apitest

import (
	"net/http"
)

// serveV1 answers one request of v1.
func (s *Server) serveV1(w http.ResponseWriter, r *http.Request) {
	s.calls.begin(true)
	defer s.calls.end()
	o := s.options()
	w.Header().Set("Date", o.Clock().UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")

	ask, meta, bad := checkV1(&o, r)
	if !wait(r.Context(), o.Latency) {
		panic(http.ErrAbortHandler)
	}
	if bad != nil {
		s.calls.refused(bad)
		if bad.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="API"`)
		}
		wire{}.send(r.Context(), w, bad.status, o.V1.failure(bad.code))
		return
	}
	rep := s.askFault(ask, s.calls.asked(ask))
	rep.hold(r.Context())
	for k, v := range rep.Header {
		w.Header()[k] = v
	}
	status, body := s.rightV1(&o, ask, meta)
	switch {
	case rep.errors != nil:
		body = o.V1.failure(rep.errors...)
	case status == http.StatusNotFound && o.V1.NotFoundHTML:
		w.Header().Set("Content-Type", "text/html")
	}
	if rep.Body != nil {
		body = rep.Body(body)
	}
	if rep.Status != 0 {
		status = rep.Status
	}
	rep.wire.send(r.Context(), w, status, body)
}

// askFault returns what is to be done with an ask.
func (s *Server) askFault(a Ask, n int) AskReply {
	s.mu.Lock()
	fault := s.asking
	s.mu.Unlock()
	if fault == nil {
		return AskReply{}
	}
	return fault(a, n)
}

// rightV1 returns the right answer to an ask.
func (s *Server) rightV1(o *Options, ask Ask, meta bool) (status int, body []byte) {
	base, _ := accountBase(o.Tree.root)
	levels := ask.Recursive
	if o.V1.Depth == DepthBelow {
		levels++
	}
	found := o.Tree.object(&o.V1, v1Path(base, ask.Path), levels)
	if found == nil || ask.Kind == AskLink && found.file == nil {
		if o.V1.NotFoundHTML {
			return http.StatusNotFound, Status(http.StatusNotFound).Body(nil)
		}
		return http.StatusNotFound, o.V1.failure("NOT_FOUND")
	}
	w := &v1Writer{o: &o.V1, base: base, meta: meta}
	var data any
	if ask.Kind == AskLink {
		url, expires := s.links.make(o, ask.Path)
		link := newArray("path", w.path(found.path), "url", url)
		if !o.Links.NoField {
			link.set("expires", expires)
		}
		data = link
	} else {
		data = w.data(found)
	}
	return http.StatusOK, envelope(data, newList())
}

// envelope writes an answer. Where json_encode fails, PHP prints nothing.
func envelope(data, errors any) []byte {
	body, err := encoder{}.encode(newArray("data", data, "errors", errors))
	if err != nil {
		return nil
	}
	return body
}

// failure writes an answer with errors of the given names.
func (o V1Options) failure(names ...string) []byte {
	errors := &array{}
	for _, n := range names {
		switch o.ErrorsShape {
		case ErrorsObjects:
			errors.add(newArray("code", n, "message", "The request could not be served"))
		case ErrorsMap:
			errors.set("path"+repeated(errors, "path"), n)
		default:
			errors.add(n)
		}
	}
	return envelope(nil, errors)
}

// repeated makes a key that is not there yet.
func repeated(a *array, key string) string {
	suffix := ""
	for a.has(key + suffix) {
		suffix += "_"
	}
	return suffix
}
