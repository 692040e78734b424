package apiclient

import (
	"fmt"
	"runtime/debug"
)

// rescue is deferred where a call runs on a goroutine of its own: a panic there would end
// the process. It becomes the call's error.
func (c *Client) rescue(op, path string, err *error) {
	p := recover()
	if p == nil {
		return
	}
	text := c.wipe(fmt.Sprint(p))
	c.opts.Log.Error("a call panicked", "op", op, "path", path, "panic", text, "stack", string(debug.Stack()))
	*err = &Error{Op: op, Path: path, Message: "panic: " + text}
}
