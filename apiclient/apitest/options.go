package apitest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Options says which service the stand-in plays. The zero value, with a Tree, is the service as the
// documentation describes it.
type Options struct {
	// Tree is what is served. Nil means Example.
	Tree *Tree

	APIKey string // default "demo-key"
	Secret string // default 64 hex digits
	CDN    int    // default 1

	// PageSize is how many files one answer names at most, over all its folders. Default 100.
	PageSize int
	// Order is the order in which an answer goes through the asked folder's sub-folders.
	Order Order
	// FoldersFirst puts a folder's sub-folders before its files, in the filling of a page and for the
	// offset. BreadthFirst and OffsetFiles pay no heed to it.
	FoldersFirst bool
	// Depth is how many levels below the asked folder are looked into; deeper folders are skipped
	// (0). Default 0: no limit.
	Depth int
	// OffsetMeans is what a request's offset counts.
	OffsetMeans OffsetMeans
	// FollowUp says which sub-folders a request with an offset names.
	FollowUp FollowUp
	// HideSkipped leaves sub-folders that the page had no room for out of the answer, where otherwise
	// they are named and marked 0. Their parent is then marked -1, to be gone on with.
	HideSkipped bool
	// EagerCut marks a folder as cut (-1) when its last file was also the last that the page had room
	// for. Going on from there yields nothing new.
	EagerCut bool

	// Shape is how answers are written.
	Shape Shape
	// Storage is how the answer to files.getstorage is written.
	Storage StorageShape

	// V1 is how the v1 API answers, Links what its download links are like, and Content how the download
	// host sends what is in the files.
	V1      V1Options
	Links   LinkOptions
	Content ContentOptions

	// UnknownCode is the failure code for a path that the tree does not have, or that is a file.
	// Default "": success with nothing under data.
	UnknownCode string
	// FailureStatus is the HTTP status of failures. Default 200.
	FailureStatus int
	// AllowReplay answers a request that was sent before, byte for byte, where otherwise it is refused.
	// For tests whose clock stands still.
	AllowReplay bool

	// Latency is how long every call takes at least.
	Latency time.Duration
	// Clock is the server's clock, for the timestamp check and the Date header. Default time.Now.
	Clock func() time.Time
	// Window is how far a request's timestamp may be off, either way. Default 5 minutes.
	Window time.Duration
}

// Order is the order in which an answer goes through folders.
type Order int

// The orders.
const (
	// DepthFirst finishes each sub-folder, with all below it, before the next.
	DepthFirst Order = iota
	// BreadthFirst goes level by level.
	BreadthFirst
	// FolderOnly lists the asked folder only and marks all its sub-folders as skipped.
	FolderOnly
)

// Orders lists all orders.
func Orders() []Order { return []Order{DepthFirst, BreadthFirst, FolderOnly} }

// String returns the order's name.
func (o Order) String() string {
	return name(int(o), "depth-first", "breadth-first", "folder-only")
}

// OffsetMeans is what the offset of a request counts. The __offset of an answer is in the same measure.
type OffsetMeans int

// The meanings of an offset.
const (
	// OffsetEntries counts the asked folder's files and sub-folders, as far as the type shows them.
	OffsetEntries OffsetMeans = iota
	// OffsetEveryEntry also counts the files that the type hides.
	OffsetEveryEntry
	// OffsetFiles counts the asked folder's own files. Sub-folders do not count, so every answer that
	// comes to them begins with the first.
	OffsetFiles
	// OffsetRecursive counts files in the order of the whole recursive answer. An answer may then begin
	// in the middle of a sub-folder, and still marks it 1 when it reaches that folder's end: only
	// together with earlier pages is that folder whole. Folders that lie wholly before the offset are
	// named and marked 0.
	OffsetRecursive
	// OffsetIgnored pays no heed to the offset: every answer is the first page.
	OffsetIgnored
	// OffsetRefused fails every request with an offset other than 0.
	OffsetRefused
	// OffsetIssued fails a request with an offset that no earlier answer gave for that folder and type.
	OffsetIssued
)

// OffsetMeanings lists all meanings of an offset.
func OffsetMeanings() []OffsetMeans {
	return []OffsetMeans{OffsetEntries, OffsetEveryEntry, OffsetFiles, OffsetRecursive, OffsetIgnored, OffsetRefused, OffsetIssued}
}

// String returns the meaning's name.
func (m OffsetMeans) String() string {
	return name(int(m), "entries", "every-entry", "files", "recursive", "ignored", "refused", "issued")
}

// FollowUp says which sub-folders an answer to a request with an offset names.
type FollowUp int

// The choices for follow-ups.
const (
	// FollowUpRest names the sub-folders from the offset on, and looks into them as the page has room.
	FollowUpRest FollowUp = iota
	// FollowUpAll also names those before the offset, marked 0.
	FollowUpAll
	// FollowUpNone names no sub-folder: the first answer did. OffsetRecursive, which has to come to
	// them, pays no heed to it.
	FollowUpNone
)

// FollowUps lists all choices for follow-ups.
func FollowUps() []FollowUp { return []FollowUp{FollowUpRest, FollowUpAll, FollowUpNone} }

// String returns the choice's name.
func (f FollowUp) String() string {
	return name(int(f), "rest", "all", "none")
}

func name(i int, names ...string) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("unknown(%d)", i)
	}
	return names[i]
}

var storagePath = regexp.MustCompile(`^sestore[0-9]+/.`)

// fill puts the defaults into what is not set and refuses what cannot work.
func (o *Options) fill() error {
	if o.Tree == nil {
		o.Tree = Example()
	}
	if !wellFormed(o.Tree.root) {
		return fmt.Errorf("apitest: the tree's root %q is no storage path", o.Tree.root)
	}
	if o.APIKey == "" {
		o.APIKey = "demo-key"
	}
	if o.Secret == "" {
		o.Secret = strings.Repeat("0123456789abcdef", 4)
	}
	if o.CDN == 0 {
		o.CDN = 1
	}
	if o.PageSize <= 0 {
		o.PageSize = 100
	}
	if o.FailureStatus == 0 {
		o.FailureStatus = 200
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Window == 0 {
		o.Window = 5 * time.Minute
	}
	if o.HideSkipped && (o.FollowUp == FollowUpNone || o.OffsetMeans == OffsetFiles || o.OffsetMeans == OffsetRecursive) {
		return errors.New("apitest: sub-folders that are hidden must be reachable by an offset")
	}
	return nil
}

// wellFormed says whether a path is one that a careful client would ask for.
func wellFormed(path string) bool {
	if !storagePath.MatchString(path) {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}
