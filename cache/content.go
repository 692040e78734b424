package cache

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sefs/apiclient"
)

// ErrChanged is the error for bytes that are needed of a version of a file which is no
// longer there.
var ErrChanged = &apiclient.Error{Op: "read", Changed: true, Message: "the file is another version now"}

// Version is one version of a file, as far as its attributes tell.
type Version struct {
	Path     string // remote
	Size     int64  // bytes
	Modified int64  // Unix nanoseconds; noTime if the service told none
}

// NewVersion returns the version of the file at path that has these attributes.
func NewVersion(path string, attr apiclient.Attr) Version {
	v := Version{Path: path, Size: attr.Size, Modified: noTime}
	if !attr.Modified.IsZero() {
		v.Modified = attr.Modified.UnixNano()
	}
	return v
}

// Attr returns the attributes that the version has.
func (v Version) Attr() apiclient.Attr {
	attr := apiclient.Attr{Size: v.Size}
	if v.timed() {
		attr.Modified = time.Unix(0, v.Modified).UTC()
	}
	return attr
}

// timed reports whether the version can be told from others by its time.
func (v Version) timed() bool { return v.Modified != noTime }

// length is how many bytes block i has.
func (v Version) length(i int64) int64 { return min(BlockSize, v.Size-i*BlockSize) }

// Content is the bytes of one version of a file. All bytes that it gives came with one
// validator, so none of another version is among them. It is safe for concurrent use.
type Content struct {
	blocks  *Blocks
	version Version
	edition uint64 // tells it from earlier contents that had the same attributes

	// Recheck, if set, asks for the file's attributes again and returns ErrChanged if they
	// are others now. It may be set before the content is used.
	Recheck func(ctx context.Context) error

	// mu protects what follows. It may be taken with the memory's mutex held.
	mu        sync.Mutex
	validator apiclient.Validator
	begun     bool      // whether any byte came
	confirmed time.Time // when bytes were last known to be the file's
	changed   error     // why nothing more is asked for, if the file is another version now
}

// Content returns the content of a version. Two of the same version share what is kept,
// unless the file was found to be another one in between.
func (b *Blocks) Content(v Version) *Content {
	b.opts.Memory.mu.Lock()
	defer b.opts.Memory.mu.Unlock()
	edition, _ := b.editions.Get(v)
	return &Content{blocks: b, version: v, edition: edition}
}

// Edition tells how often contents of a version were found to be replaced.
func (b *Blocks) Edition(v Version) uint64 {
	if !b.changed.Load() {
		return 0 // as for nearly all mounts; each file that is looked at comes here
	}
	b.opts.Memory.mu.Lock()
	defer b.opts.Memory.mu.Unlock()
	edition, _ := b.editions.Get(v)
	return edition
}

// Version returns the version that the content is of.
func (c *Content) Version() Version { return c.version }

// Replace notes that the file is another version now: what is kept of this one is still
// given, and nothing more is asked for. Contents that are made from now on begin anew.
func (c *Content) Replace() { c.replace(ErrChanged) }

// replace is Replace for a reason that is given to those who ask for more.
func (c *Content) replace(why error) {
	c.mu.Lock()
	first := c.changed == nil
	if first {
		c.changed = why
	}
	c.mu.Unlock()
	if !first {
		return
	}
	b := c.blocks
	b.opts.Memory.mu.Lock()
	defer b.opts.Memory.mu.Unlock()
	if edition, _ := b.editions.Peek(c.version); edition == c.edition {
		b.editions.Add(c.version, edition+1)
		b.changed.Store(true)
	}
}

// Edition tells the content from earlier ones that had the same attributes and were found
// to be replaced; it is 0 for the first.
func (c *Content) Edition() uint64 { return c.edition }

// Replaced reports whether the file was found to be another version.
func (c *Content) Replaced() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed != nil
}

// usable reports whether a block that is kept belongs to this version. A version that
// has no time is told by the validator that its first bytes come with; until then a
// block counts for one TTL.
func (c *Content) usable(v *block) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun {
		if v.validator.Differs(c.validator) {
			return false
		}
		return v.validator.Known() || c.version.timed() || c.fresh(v.asked)
	}
	if !c.version.timed() && !c.fresh(v.asked) || c.changed != nil {
		return false
	}
	c.begun, c.validator, c.confirmed = true, v.validator, v.asked
	return true
}

// agrees reports whether a block that a load brought just now belongs to this version.
func (c *Content) agrees(v *block) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.begun {
		c.begun, c.validator, c.confirmed = true, v.validator, v.asked
	}
	return !v.validator.Differs(c.validator)
}

func (c *Content) fresh(at time.Time) bool {
	return c.blocks.opts.Now().Sub(at) < c.blocks.opts.TTL
}

// accept takes over what bytes came with, or refuses them.
func (c *Content) accept(v apiclient.Validator, asked time.Time) error {
	c.mu.Lock()
	why := c.changed
	differs := why == nil && c.begun && v.Differs(c.validator)
	if why == nil && !differs && (!c.begun || !c.validator.Known()) {
		c.begun, c.validator = true, v
	}
	if why == nil && !differs && asked.After(c.confirmed) {
		c.confirmed = asked
	}
	c.mu.Unlock()
	if differs {
		why = ErrChanged
		c.replace(why)
	}
	return why
}

// expects returns the validator that new bytes have to come with, or an error if none
// may come. Where nothing that comes with the bytes would tell another version, and the
// last are older than the TTL, it has to be made sure first.
func (c *Content) expects(ctx context.Context) (apiclient.Validator, error) {
	c.mu.Lock()
	changed, validator := c.changed, c.validator
	unsure := c.begun && !validator.Known() && !c.fresh(c.confirmed)
	c.mu.Unlock()
	switch {
	case changed != nil:
		return validator, changed
	case !unsure:
		return validator, nil
	case c.Recheck != nil && c.version.timed():
		return validator, c.noteChange(c.Recheck(ctx))
	}
	c.Replace()
	return validator, ErrChanged
}

// Check makes sure, before a reader begins, that what is kept of the version still is
// the file. Where the version has a time, its attributes have said so. Else one byte is
// asked for if the last that came are older than the TTL; if nothing tells the versions
// of the file apart, the content counts as replaced then.
func (c *Content) Check(ctx context.Context) error {
	due, known, err := c.due()
	switch {
	case err != nil || !due:
		return err
	case !known:
		c.Replace()
		return ErrChanged
	}
	_, err = c.blocks.loads.share(ctx, fmt.Sprintf("check %p", c), func(ctx context.Context) (any, error) {
		if due, _, err := c.due(); err != nil || !due {
			return nil, err // it was done between our caller's look and this one
		}
		w, ctx, stop := c.blocks.loads.watch(ctx)
		defer stop()
		return nil, c.probe(ctx, w)
	})
	return err
}

// due reports whether it has to be asked what the file is by now, and whether that can
// be told by a validator.
func (c *Content) due() (due, known bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed != nil {
		return false, false, c.changed
	}
	return c.begun && !c.version.timed() && !c.fresh(c.confirmed), c.validator.Known(), nil
}

// probe asks for one byte.
func (c *Content) probe(ctx context.Context, w *watchdog) error {
	expected, err := c.expects(ctx)
	if err != nil {
		return err
	}
	asked := c.blocks.opts.Now()
	body, err := c.blocks.opts.Opener.Open(ctx, apiclient.Range{Path: c.version.Path, Length: 1, Size: c.version.Size,
		Validator: expected, Turn: w.turn, Bytes: w.bytes, Answer: w.progress})
	if err != nil {
		return c.noteChange(err)
	}
	defer body.Close()
	return c.accept(body.Validator(), asked)
}

// noteChange remembers that an error says that the file changed. One that is not to be
// had is gone if bytes of it came before; else it may be of a kind that never is.
func (c *Content) noteChange(err error) error {
	c.mu.Lock()
	begun := c.begun
	c.mu.Unlock()
	if apiclient.IsChanged(err) || apiclient.IsNotExist(err) && begun {
		c.replace(err)
	}
	return err
}
