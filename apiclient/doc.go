// Package apiclient speaks to the ScaleEngine service: it signs requests,
// reads files.list answers of every shape the service may give, puts paged
// answers together, and turns every failure into a typed [Error].
//
// The way of a listing is
//
//	Client.List → pages (one call each) → call (clock, retries) → attempt (sign, send, read)
//	            ← merge               ← decode              ← envelope
//
// What is known of the service, and how surely, is said beside the code that
// relies on it: "files.list page" is the service's own documentation, "seen in
// clients" is what public clients do, "inferred" is our own reading. All
// tolerance for what is not certain sits in decode.go and names.go.
//
// The package caches nothing and knows nothing of FUSE. It keeps three things
// between calls: connections, the correction of its clock, and the seconds it
// has signed bodies for. No secret appears in an error or a log line.
package apiclient
