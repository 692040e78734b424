package apitest

// listed is a folder in an answer.
type listed struct {
	name  string
	files []namedFile // the files named in this answer
	dirs  []*listed   // the sub-folders named in this answer

	mark   int // 1 whole, 0 skipped, -1 cut
	offset int // where to go on, when cut
	count  int // files and sub-folders of the folder

	view    *view
	entered bool
	cut     bool // by EagerCut
	over    bool // its files all came before the offset (OffsetRecursive)
	fileEnd int  // index of the first own file that is still to come
	dirEnd  int  // index of the first sub-folder that is still to come
	begun   int  // pager.passed on entry
	ended   int  // pager.passed at the end of the folder's files
}

// pager fills one answer with at most so many files.
type pager struct {
	o      *Options
	typ    string
	room   int  // files that the answer still has room for
	skip   int  // files still to be passed over (OffsetRecursive)
	passed int  // files named or passed over so far
	follow bool // there was an offset

	foldersFirst bool

	queue []visit // folders still to be looked into (BreadthFirst)
}

// visit is a folder that waits for its turn.
type visit struct {
	parent *listed
	dir    *folder
	level  int
}

// list returns the answer for the folder at rel, nil if there is none. It costs what it returns, and
// what of a folder's view has to be made anew, but for OffsetRecursive, which walks to its offset.
func (t *Tree) list(o *Options, rel, typ string, offset int) *listed {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.find(rel)
	if f == nil {
		return nil
	}
	p := &pager{o: o, typ: typ, room: o.PageSize}
	p.follow = offset > 0 && o.OffsetMeans != OffsetIgnored
	// Level by level, a folder's files always come before its sub-folders; and they have to where the
	// offset cannot tell one sub-folder from the next, or no answer would come to them.
	p.foldersFirst = o.FoldersFirst && o.Order != BreadthFirst && o.OffsetMeans != OffsetFiles
	fileStart, dirStart := 0, 0
	v := f.view(typ)
	switch o.OffsetMeans {
	case OffsetIgnored:
	case OffsetFiles:
		fileStart = min(offset, len(v.files))
	case OffsetRecursive:
		p.skip = offset
	default:
		fileStart, dirStart = p.start(v, offset)
	}
	top := &listed{view: v}
	p.enter(top, 0, fileStart, dirStart)
	for i := 0; i < len(p.queue); i++ {
		q := p.queue[i]
		p.turn(q.parent, q.dir, q.level)
	}
	top.over = false // whatever comes before the offset, the asked folder is not skipped
	p.finish(top)
	return top
}

// enter looks into a folder: it takes the files from fileStart on that there is room for, and names
// the sub-folders from dirStart on.
func (p *pager) enter(l *listed, level, fileStart, dirStart int) {
	l.entered, l.begun = true, p.passed
	if p.foldersFirst {
		p.dirs(l, level, dirStart)
		p.files(l, fileStart)
	} else {
		p.files(l, fileStart)
		p.dirs(l, level, dirStart)
	}
}

func (p *pager) files(l *listed, start int) {
	all := l.view.files
	n := min(p.skip, len(all)-start)
	p.skip -= n
	start += n
	l.fileEnd = min(len(all), start+p.room)
	l.files = all[start:l.fileEnd]
	p.room -= len(l.files)
	p.passed += n + len(l.files)
	l.ended = p.passed
	l.over = n > 0 && len(l.files) == 0
	l.cut = p.o.EagerCut && p.room == 0 && len(l.files) > 0
}

func (p *pager) dirs(l *listed, level, start int) {
	follow := level == 0 && p.follow
	if follow && p.o.FollowUp == FollowUpNone && p.o.OffsetMeans != OffsetRecursive {
		l.dirEnd = len(l.view.dirs)
		return
	}
	l.dirEnd = start
	if follow && p.o.FollowUp == FollowUpAll {
		for _, d := range l.view.dirs[:start] {
			l.dirs = append(l.dirs, p.skipped(d))
		}
	}
	for _, d := range l.view.dirs[start:] {
		if p.o.Order == BreadthFirst {
			p.queue = append(p.queue, visit{l, d, level + 1})
		} else {
			p.turn(l, d, level+1)
		}
	}
}

// turn comes to a sub-folder: it is looked into, named as skipped, or, with HideSkipped, left out.
func (p *pager) turn(parent *listed, d *folder, level int) {
	tooDeep := p.o.Order == FolderOnly || p.o.Depth > 0 && level > p.o.Depth
	if p.room == 0 && p.o.HideSkipped && !tooDeep {
		return
	}
	l := p.skipped(d)
	parent.dirs = append(parent.dirs, l)
	parent.dirEnd++
	if p.room > 0 && !tooDeep {
		p.enter(l, level, 0, 0)
	}
}

func (p *pager) skipped(d *folder) *listed {
	return &listed{name: d.name, view: d.view(p.typ)}
}

// finish gives every folder of the answer its mark.
func (p *pager) finish(l *listed) {
	v := l.view
	l.count = len(v.files) + len(v.dirs)
	for _, d := range l.dirs {
		p.finish(d)
	}
	switch {
	case !l.entered || l.over:
	case l.fileEnd < len(v.files) || l.dirEnd < len(v.dirs) || l.cut:
		l.mark, l.offset = -1, p.next(l)
	default:
		l.mark = 1
	}
}

// start returns the first file and the first sub-folder that an offset in entries leaves to be named.
func (p *pager) start(v *view, offset int) (file, dir int) {
	files := p.span(v)
	if p.foldersFirst {
		dir = min(offset, len(v.dirs))
		return v.from(offset-dir, p.o.OffsetMeans), dir
	}
	dir = min(max(offset-files, 0), len(v.dirs))
	return v.from(min(offset, files), p.o.OffsetMeans), dir
}

// next returns the offset to go on from in a folder that was cut.
func (p *pager) next(l *listed) int {
	v := l.view
	switch {
	case p.o.OffsetMeans == OffsetFiles:
		return l.fileEnd
	case p.o.OffsetMeans == OffsetRecursive:
		return l.ended - l.begun
	case p.foldersFirst && l.dirEnd < len(v.dirs):
		return l.dirEnd
	case p.foldersFirst:
		return len(v.dirs) + p.place(v, l.fileEnd)
	case l.fileEnd < len(v.files):
		return p.place(v, l.fileEnd)
	}
	return p.span(v) + l.dirEnd
}

// span returns how many entries a folder's files make.
func (p *pager) span(v *view) int {
	if p.o.OffsetMeans == OffsetEveryEntry {
		return v.all
	}
	return len(v.files)
}

// place returns how many entries come before the i-th shown file.
func (p *pager) place(v *view, i int) int {
	if p.o.OffsetMeans != OffsetEveryEntry || v.pos == nil {
		return i
	}
	if i == len(v.pos) {
		return v.all
	}
	return v.pos[i]
}
