package apitest

import (
	"hash/fnv"
	"io"
	"path"
	"strings"
	"time"
)

// Kind is what the service takes a file for.
type Kind string

// The kinds of files. Other stands for pictures, subtitles and whatever else lies beside the videos.
const (
	Video Kind = "video"
	Audio Kind = "audio"
	Smil  Kind = "smil"
	Other Kind = "other"
)

// KindOf tells a file's kind from its name's extension, as the service does for a fresh upload.
func KindOf(name string) Kind {
	switch strings.ToLower(path.Ext(name)) {
	case ".mp4", ".m4v", ".mov", ".mkv", ".flv", ".webm", ".avi", ".mpg", ".ts":
		return Video
	case ".mp3", ".m4a", ".aac", ".wav", ".flac", ".ogg":
		return Audio
	case ".smil":
		return Smil
	}
	return Other
}

// File is what the service knows of a file besides its name.
type File struct {
	Size    int64
	Time    time.Time
	Kind    Kind
	Invalid bool // the service could make nothing of it
	Deleted bool // removed, but the index still remembers it

	// Content is what is in the file; Size says where it ends. Nil: bytes that look random and follow
	// from the file's full path and its Version alone.
	Content io.ReaderAt
	// Version changes the bytes, if Content is nil, and the ETag.
	Version int
	// V1 is how the v1 API sees the file.
	V1 V1View
	// V1Only hides the file from files.list, whatever the type that is asked for.
	V1Only bool
}

// V1View is how the v1 API sees a file that is there.
type V1View int

// The views of a file.
const (
	V1Listed        V1View = iota // it is in the answer for its folder, and in one for its own path
	V1Alone                       // it is only in the answer for its own path
	V1Absent                      // it is not known
	V1NoSize                      // it has no size
	V1Symlink                     // it is a symlink, with a size
	V1SymlinkNoSize               // it is a symlink, without a size
	V1OtherType                   // its type is a word that no page knows
)

// listed says whether a request of files.list with the given type shows the file.
func (f File) listed(typ string) bool { return !f.V1Only && types[typ](f) }

// fileAt returns the file that AddFile puts at a path. Size and time depend on the path alone, so that
// equal trees have equal files.
func fileAt(full string) File {
	h := fnv.New64a()
	h.Write([]byte(full))
	n := h.Sum64()
	return File{
		Size: int64(n % (4 << 20)),
		Time: time.Unix(1_546_300_800+int64(n>>32%(365*24*3600)), 0).UTC(), // some second of 2019
		Kind: KindOf(full),
	}
}

// types are the values that a request's type may have, each with the files that it shows. The service's
// pages only list the words; that "valid" spans the three kinds, and that nothing but "includeinvalid"
// shows files of other kinds, is the reading that hides most.
//
//nolint:gochecknoglobals // a table
var types = map[string]func(File) bool{
	"video":          func(f File) bool { return f.Kind == Video && !f.Invalid && !f.Deleted },
	"audio":          func(f File) bool { return f.Kind == Audio && !f.Invalid && !f.Deleted },
	"smil":           func(f File) bool { return f.Kind == Smil && !f.Invalid && !f.Deleted },
	"valid":          func(f File) bool { return f.Kind != Other && !f.Invalid && !f.Deleted },
	"invalid":        func(f File) bool { return f.Invalid && !f.Deleted },
	"deleted":        func(f File) bool { return f.Deleted },
	"includeinvalid": func(f File) bool { return !f.Deleted },
}

// defaultType is what a request without a type asks for.
const defaultType = "video"
