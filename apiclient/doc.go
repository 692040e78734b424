// Package apiclient speaks to the ScaleEngine service: it signs requests,
// reads files.list answers of every shape the service may give, puts paged
// answers together, asks the v1 API for attributes and links, reads ranges of files, and
// turns every failure into a typed [Error].
//
// The way of a listing is
//
//	Client.List → pages (one call each) → call (clock, retries) → attempt (sign, send, read)
//	            ← merge               ← decode              ← envelope
//
// where the pages of a large folder are asked for ahead, and taken only as they would come
// one by one (pagesahead.go), and that of attributes and contents
//
//	Client.Files, File → get (retries) → attemptV1 (HTTP Basic) ← decodeFiles
//	Client.Open → Body.open (link, retries) → attempt (one range, checked) → Body.Read
//	                  ↑ gone on with where a transfer breaks off ──────────────┘
//
// What is known of the service, and how surely, is said beside the code that
// relies on it: "files.list page" is the service's own documentation, "seen in
// clients" is what public clients do, "inferred" is our own reading. All
// tolerance for what is not certain sits in decode.go and names.go for files.list, in
// filesdecode.go and fileobject.go for v1.
//
// Each attempt is a trial (trial.go) of its service: the breaker lets it be made, slots give
// it its turn, and both are told what came of it.
//
// The package caches no answer and knows nothing of FUSE. It keeps five things
// between calls: connections, the correction of its clock, the seconds it has signed
// bodies for, the links to files until they end, and how its services fare. No secret appears in an error or a
// log line, and links are secrets; credentials go to the service, not to download hosts.
package apiclient
