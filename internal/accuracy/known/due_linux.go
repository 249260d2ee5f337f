package known

// waiting is a request whose answer is due at a moment.
type waiting struct {
	due   int64
	conn  *conn
	stamp Stamp
}

// dues is a heap of them, the earliest first. container/heap would allocate
// for every request, and the collector would stop the server.
type dues []waiting

func (d *dues) push(w waiting) {
	h := append(*d, w)
	i := len(h) - 1
	for i > 0 && h[(i-1)/2].due > h[i].due {
		h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
		i = (i - 1) / 2
	}
	*d = h
}

// pop takes the earliest; there must be one.
func (d *dues) pop() waiting {
	h := *d
	first, last := h[0], len(h)-1
	h[0], h[last] = h[last], waiting{}
	h = h[:last]
	for i := 0; ; {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && h[child].due < h[least].due {
				least = child
			}
		}
		if least == i {
			break
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
	*d = h
	return first
}
