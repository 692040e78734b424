// Package apitest is a stand-in for the ScaleEngine service: a real HTTP server on the loopback
// interface, for tests, benchmarks and "sefs demo". It knows files.list and files.getstorage of the
// command API, files and download of the v1 API, and the host that files are downloaded from. It shares
// no code with the client, so that the two check each other.
//
// A test makes a Tree, gives it to New, and points its client at the server:
//
//	tree := apitest.Flat("sestore4/jb", 250)
//	server, err := apitest.New(apitest.Options{Tree: tree})
//	...
//	defer server.Close()
//	// client: server.URL(), server.FilesURL(), server.APIKey(), server.Secret(), server.CDN()
//
// and afterwards asks the server what it was asked:
//
//	server.Calls().Path("sestore4/jb") // 3: pages at no offset, 100 and 200
//	server.Calls().ContentBytes        // what was downloaded
//
// # A request of the command API
//
// A request is first checked (request.go, signature.go) for everything that the real service might mind,
// known or not: the form field, the fields' types, the account, the timestamp, the signature in both
// ways in which it may be checked, and that the request was not sent before. What fails is refused
// with the service's own code, and counted; Calls.LastRefusal tells a test why. A request that passes
// is counted, and the Fault, if one is set, decides about it; its Reply may hold it, delay it, or send
// something else than the right answer.
//
// # The right listing
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
//
// # The v1 API
//
// Requests below /v1/ (v1.go, v1request.go) need HTTP Basic with the CDN number and the secret, and have
// to be written as those that are known to work: option:recursive is there, nothing unknown is, each part
// of the path is encoded by itself. What is asked for is taken from the tree (v1object.go), in one piece
// that later changes leave alone, and written (v1render.go) in the form that V1Options says; V1Shapes lists
// the forms worth testing. A File says by its V1 how v1 sees it, which need not be how files.list does.
//
// # Contents
//
// /v1/download gives links (links.go) that are good for a time, to another port, the download host. That
// one sends contents (download.go, sendcontent.go) as nginx does with plain files: one range, If-Range,
// HEAD; ContentOptions takes that away from it or makes it slow. Files without a Content of their own have
// bytes that are made as they are sent (content.go), other ones at every place, so that it can be huge and
// still nothing can be mixed up. Tree.Bytes and Tree.ReaderAt tell what a reader must see. An answer sends
// the file as it was when the request came, whatever becomes of it meanwhile.
//
// Credentials that come to the download host, or v1's at the command API, are counted as Calls.Leaks.
//
// # Misbehaviour
//
// A Fault decides on calls of the command API, an AskFault on those of v1 and on downloads. What each may
// do is a Reply (reply.go), to which an AskReply (askreply.go) adds what can be wrong with contents:
//
//	server.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, apitest.CutAfter(1000)))
//	server.SetAskFault(apitest.EveryNth(10, apitest.AskReply{Reply: apitest.Status(503)}))
package apitest
