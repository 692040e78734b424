package fs

import "testing"

func TestShown(t *testing.T) {
	const a, b = 1, 2
	type step struct {
		do   string // open (dropping or not), begin, leave
		of   uint64
		drop bool
	}
	for name, steps := range map[string][]step{
		"one version":                   {{"open", a, false}, {"begin", a, false}, {"leave", a, false}, {"open", a, false}},
		"a change":                      {{"begin", a, false}, {"leave", a, false}, {"open", b, true}, {"begin", b, false}, {"open", b, false}},
		"a change, and back":            {{"begin", a, false}, {"leave", a, false}, {"open", b, true}, {"open", a, false}},
		"an old reader is still there":  {{"begin", a, false}, {"open", b, true}, {"begin", b, false}, {"open", b, true}, {"leave", a, false}, {"open", b, true}, {"open", b, false}},
		"a change without an open":      {{"begin", a, false}, {"leave", a, false}, {"begin", b, false}, {"open", b, true}, {"open", b, false}},
		"a reader of the same version":  {{"begin", a, false}, {"open", a, false}, {"begin", a, false}, {"leave", a, false}, {"open", a, false}},
		"an old reader beside a change": {{"begin", a, false}, {"begin", b, false}, {"leave", b, false}, {"open", b, true}, {"leave", a, false}, {"open", b, true}, {"open", b, false}},
	} {
		var s shown
		for i, step := range steps {
			switch step.do {
			case "open":
				if drop := s.opened(step.of); drop != step.drop {
					t.Errorf("%s: step %d: drop %v", name, i, drop)
				}
			case "begin":
				s.begun(step.of)
			case "leave":
				s.left(step.of)
			}
		}
	}
}
