package apitest

import (
	"slices"
	"sync/atomic"
)

// Ask is one request of v1, or for content, as the server understood it.
type Ask struct {
	Kind AskKind
	Path string // full path, such as sestore4/jb/movie.mp4

	// Of AskFiles: the number of option:recursive, and whether the path is a file's.
	Recursive int
	Alone     bool

	// Of AskContent: the first byte and how many are asked for, -1 for all to the end. A request without
	// a range asks for all from 0; HEAD asks for 0 bytes.
	Offset, Length int64
}

// AskKind is what an Ask is for.
type AskKind int

// The kinds of asks.
const (
	AskFiles   AskKind = iota // a call of /v1/files
	AskLink                   // a call of /v1/download
	AskContent                // a request to a download link
)

// String returns the kind's name.
func (k AskKind) String() string { return name(int(k), "files", "link", "content") }

// AskFault decides what is done with an ask instead of answering it rightly. n says the how-manieth ask of
// its kind it is for its path since ResetCalls, beginning with 1. It is asked for requests that are in
// order only, and what content the answer has is settled before: when it changes the file, that shows in
// later answers. It may be called from several goroutines at once.
type AskFault func(a Ask, n int) AskReply

// EveryNth makes an AskFault that answers every n-th ask with r, counting those of the given kinds, or of
// all kinds if none is given, for all paths together.
func EveryNth(n int, r AskReply, kinds ...AskKind) AskFault {
	var count atomic.Int64
	return func(a Ask, _ int) AskReply {
		if among(a, kinds) && count.Add(1)%int64(n) == 0 {
			return r
		}
		return AskReply{}
	}
}

// FirstAsks makes an AskFault that answers each of the first n asks of a kind for any path with r, and
// later ones rightly.
func FirstAsks(n int, kind AskKind, r AskReply) AskFault {
	return func(a Ask, k int) AskReply {
		if a.Kind == kind && k <= n {
			return r
		}
		return AskReply{}
	}
}

// EveryAsk makes an AskFault that answers every ask of the given kinds, or of all kinds if none is given,
// with r.
func EveryAsk(r AskReply, kinds ...AskKind) AskFault {
	return func(a Ask, _ int) AskReply {
		if among(a, kinds) {
			return r
		}
		return AskReply{}
	}
}

// AskAt makes an AskFault that answers every ask for one full path, of the given kinds or of all, with r.
func AskAt(path string, r AskReply, kinds ...AskKind) AskFault {
	return func(a Ask, _ int) AskReply {
		if a.Path == path && among(a, kinds) {
			return r
		}
		return AskReply{}
	}
}

func among(a Ask, kinds []AskKind) bool { return len(kinds) == 0 || slices.Contains(kinds, a.Kind) }
