package fs

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"sefs/apiclient"
	"sefs/cache"
)

// ErrIsFolder is the error for reading what is a folder.
var ErrIsFolder = errors.New("it is a folder")

// ErrUnknownSize is the error for opening a file that v1 says no size of. An empty copy
// that looks like success would be worse.
var ErrUnknownSize = errors.New("the size is not known (--unknown-size)")

// View looks at remote paths without a mount, by the code that serves one. It is safe
// for concurrent use.
type View struct{ tree *tree }

// NewView returns a view of what o says would be mounted.
func NewView(o Options) *View {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &View{newTree(o)}
}

// Info is what is known of a remote path.
type Info struct {
	Folder   bool
	Entries  int       // of a folder
	Known    bool      // whether the size of a file is known
	Size     int64     // bytes
	Modified time.Time // zero if the service does not tell
	Inode    uint64    // as a mount shows it
}

// Stat tells of a file or folder. What it is, is told by the folder it stands in; the
// error is io/fs.ErrNotExist if that does not have it.
func (v *View) Stat(ctx context.Context, path string) (Info, error) {
	if strings.Count(path, "/") == 1 { // the account's own folder
		return v.statFolder(ctx, path)
	}
	attr, isFolder, err := v.tree.find(ctx, path)
	if err != nil {
		return Info{}, err
	}
	if isFolder {
		return v.statFolder(ctx, path)
	}
	return Info{
		Known: attr.Size != apiclient.UnknownSize, Size: attr.Size, Modified: attr.Modified,
		Inode: v.tree.inode(path, syscall.S_IFREG),
	}, nil
}

func (v *View) statFolder(ctx context.Context, path string) (Info, error) {
	listing, err := v.tree.listings.Get(ctx, path)
	if err != nil {
		return Info{}, err
	}
	return Info{Folder: true, Entries: listing.Len(), Inode: v.tree.inode(path, syscall.S_IFDIR)}, nil
}

// Copy writes a file's bytes to w, all of them or with an error.
func (v *View) Copy(ctx context.Context, w io.Writer, path string) error {
	if strings.Count(path, "/") == 1 {
		return ErrIsFolder
	}
	attr, isFolder, err := v.tree.find(ctx, path)
	switch {
	case err != nil:
		return err
	case isFolder:
		return ErrIsFolder
	case attr.Size == apiclient.UnknownSize && !v.tree.opts.StreamUnknown:
		return ErrUnknownSize
	case attr.Size == apiclient.UnknownSize:
		return v.stream(ctx, w, path)
	case attr.Size == 0:
		return nil
	}
	opened := v.tree.opts.Blocks.Content(cache.NewVersion(path, attr)).Open()
	defer opened.Close()
	r := reader{opened: opened, size: attr.Size}
	for at := int64(0); at < attr.Size; at += maxWrite {
		pieces, err := r.read(ctx, at, maxWrite)
		if err != nil {
			return err
		}
		for _, piece := range pieces {
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
	}
	return nil
}

// stream copies a file of unknown size.
func (v *View) stream(ctx context.Context, w io.Writer, path string) error {
	unsized := v.tree.opts.Blocks.Unsized(path)
	defer unsized.Close()
	buffer := make([]byte, maxWrite)
	for at := int64(0); ; {
		n, err := unsized.ReadAt(ctx, buffer, at)
		if err != nil {
			return err
		}
		if _, err := w.Write(buffer[:n]); err != nil {
			return err
		}
		if at += int64(n); n < len(buffer) {
			return nil
		}
	}
}
