package fs

// maxSteps bounds how many entries are looked at, for one file that is read, on the way
// to the next ones.
const maxSteps = 512

// course is how a row will go on: through the rest of its folder, and then through the
// folders that come next, depth first. It knows no more than what is in memory.
type course struct {
	order   *order // of the folder that it has come to
	next    int    // the place in it
	folders bool   // whether it has come to the folder's sub-folders, behind the files
	// mixed says that files and sub-folders are read as they come, as tar does; else the
	// files of a folder come first, as for rsync.
	mixed bool
}

// set lets the course begin at a place of a folder.
func (c *course) set(o *order, next int) { c.order, c.next, c.folders = o, next, false }

// pass lets the course go on behind a place that the row has come to.
func (c *course) pass(o *order, at int) {
	switch {
	case c.order == nil:
		c.set(o, at+1)
	case c.order.path == o.path && !c.folders:
		c.next = max(c.next, at+1)
	}
}

// file goes on to the next file and returns its folder and its entry there; next is left
// at its place. It is not ok if what comes next is not known, or far.
func (c *course) file(t *tree) (o *order, i int, ok bool) {
	for range maxSteps {
		if c.next >= c.order.listing.Len() {
			if !c.turn(t) {
				return nil, 0, false
			}
			continue
		}
		i := c.order.entry(c.next)
		switch isDir := c.order.listing.IsDir(i); {
		case !isDir && !c.folders:
			return c.order, i, true
		case isDir && (c.folders || c.mixed):
			sub := c.known(t, c.order.path+"/"+c.order.listing.Name(i))
			if sub == nil {
				return nil, 0, false
			}
			c.set(sub, 0)
		default:
			c.next++
		}
	}
	return nil, 0, false
}

// turn goes on behind the end of a folder: to its sub-folders, or behind the folder in the
// one above.
func (c *course) turn(t *tree) bool {
	if !c.mixed && !c.folders {
		c.next, c.folders = 0, true
		return true
	}
	if c.order.path == t.opts.Root {
		return false
	}
	path, name := split(c.order.path)
	above := c.known(t, path)
	if above == nil {
		return false
	}
	at, ok := above.folder(name)
	if !ok {
		return false
	}
	c.order, c.next, c.folders = above, at+1, !c.mixed
	return true
}

// known is the order of another folder, of the same kind.
func (c *course) known(t *tree, path string) *order {
	o := newOrder(t, path)
	if o != nil && c.order.numbers != nil {
		o = o.byNumber()
	}
	return o
}
