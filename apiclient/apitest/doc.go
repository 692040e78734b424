// Package apitest is a stand-in for the ScaleEngine service: a real HTTP server on the loopback
// interface, for tests, benchmarks and "sefs demo". It knows files.list and files.getstorage of the
// command API, and shares no code with the client, so that the two check each other.
//
// A test makes a Tree, gives it to New, and points its client at the server:
//
//	tree := apitest.Flat("sestore4/jb", 250)
//	server, err := apitest.New(apitest.Options{Tree: tree})
//	...
//	defer server.Close()
//	// client: server.URL(), server.APIKey(), server.Secret(), server.CDN()
//
// and afterwards asks the server what it was asked:
//
//	server.Calls().Path("sestore4/jb") // 3: pages at no offset, 100 and 200
//
// # A request
//
// A request is first checked (request.go, signature.go) for everything that the real service might mind,
// known or not: the form field, the fields' types, the account, the timestamp, the signature in both
// ways in which it may be checked, and that the request was not sent before. What fails is refused
// with the service's own code, and counted; Calls.LastRefusal tells a test why. A request that passes
// is counted, and the Fault, if one is set, decides about it; its Reply may hold it, delay it, or send
// something else than the right answer.
//
// # The right answer
//
// The right answer is made in two steps. First (pager.go) the asked folder is gone through until the
// page is full: an answer names at most PageSize files, over all its folders, and marks each folder as
// whole (1), skipped (0) or cut (-1, with the offset to go on from). Options says in which order that
// goes and what an offset counts. Then (render.go) the outcome becomes a PHP value in the form that
// the Shape says, which is written (encode.go) as PHP's json_encode writes it, down to its failures:
// one name that is no UTF-8, or more than 512 levels, and the body is empty.
//
// The documentation leaves much of this open. Where it does, the default is the reading that its text
// and its example support, the other readings are options, and Shapes, Orders, OffsetMeanings and
// FollowUps list them for table tests. A client has to work with all of them, or to fail cleanly where a
// reading makes listing impossible, as OffsetIgnored does for folders larger than a page.
package apitest
