package encoder

import (
	"context"
	"math"
	"sync"

	"github.com/viterin/vek/vek32"
)

// buffers are the activations of one group of texts. They grow to the largest group seen and are then reused.
type buffers struct {
	x, qkv, context, out, ffn []float32
	attention                 [][]float32 // one for each thread
	gelu                      [][]float32
}

// queryRows is how many rows of an attention matrix are worked on at once, so that they stay in cache for long texts.
const queryRows = 64

// grow returns a slice of n floats, the old one if it is large enough. Its content is arbitrary.
func grow(old []float32, n int) []float32 {
	if cap(old) < n {
		return make([]float32, n)
	}
	return old[:n]
}

func (b *buffers) resize(s Shape, tokens, longest, threads int) {
	b.x = grow(b.x, tokens*s.Width)
	b.qkv = grow(b.qkv, tokens*3*s.Width)
	b.context = grow(b.context, tokens*s.Width)
	b.out = grow(b.out, tokens*s.Width)
	b.ffn = grow(b.ffn, tokens*s.FFN)
	for len(b.attention) < threads {
		b.attention = append(b.attention, nil)
		b.gelu = append(b.gelu, nil)
	}
	head := s.Width / s.Heads
	rows := min(longest, queryRows)
	for i := range threads {
		b.attention[i] = grow(b.attention[i], 2*longest*head+rows*longest+rows*head)
		b.gelu[i] = grow(b.gelu[i], geluScratch(s.FFN))
	}
}

// forward runs the transformer over a group of texts, whose tokens stand one after the other in ids; text i has the tokens
// from starts[i] to starts[i+1]. The result is in s.buf.x. It looks at ctx before every layer.
func (s *Session) forward(ctx context.Context, ids []int32, starts []int) error {
	shape := s.enc.shape
	longest := 0
	for i := range len(starts) - 1 {
		longest = max(longest, starts[i+1]-starts[i])
	}
	s.buf.resize(shape, len(ids), longest, s.threads)
	s.embed(ids, starts)
	for i := range s.enc.weights.layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.layer(&s.enc.weights.layers[i], starts)
	}
	return nil
}

// embed sums the three embeddings of every token and normalises the sum.
func (s *Session) embed(ids []int32, starts []int) {
	w, width := s.enc.weights, s.enc.shape.Width
	kind := w.tokenType[:width] // every token is of the first segment
	for text := range len(starts) - 1 {
		for t := starts[text]; t < starts[text+1]; t++ {
			row := s.buf.x[t*width : (t+1)*width]
			position, id := t-starts[text], int(ids[t])
			copy(row, w.word[id*width:(id+1)*width])
			vek32.Add_Inplace(row, w.position[position*width:(position+1)*width])
			vek32.Add_Inplace(row, kind)
			layerNorm(row, w.norm.gamma, w.norm.beta, s.enc.shape.Epsilon)
		}
	}
}

func (s *Session) layer(l *layer, starts []int) {
	b, shape := &s.buf, s.enc.shape
	s.linear(b.qkv, b.x, l.qkv, shape.Width)
	s.attend(starts)
	s.linear(b.out, b.context, l.attended, shape.Width)
	s.addAndNorm(l.attendedNorm)
	s.linear(b.ffn, b.x, l.up, shape.Width)
	s.activate()
	s.linear(b.out, b.ffn, l.down, shape.FFN)
	s.addAndNorm(l.outNorm)
}

// addAndNorm adds the sub-layer's output to the residual and normalises.
func (s *Session) addAndNorm(n affine) {
	vek32.Add_Inplace(s.buf.x, s.buf.out)
	width := s.enc.shape.Width
	for at := 0; at < len(s.buf.x); at += width {
		layerNorm(s.buf.x[at:at+width], n.gamma, n.beta, s.enc.shape.Epsilon)
	}
}

// linear multiplies all tokens by one matrix; with threads, each takes a range of output columns.
func (s *Session) linear(dst, x []float32, d dense, in int) {
	out := len(d.bias)
	if s.threads == 1 {
		s.enc.kernels.linear(dst, x, d.w, d.bias, in, 0, out)
		return
	}
	s.split(out, func(_, low, high int) {
		s.enc.kernels.linear(dst, x, d.w, d.bias, in, low, high)
	})
}

// activate applies GELU to the feed-forward rows.
func (s *Session) activate() {
	ffn := s.enc.shape.FFN
	rows := len(s.buf.ffn) / ffn
	if s.threads == 1 {
		s.activateRows(0, 0, rows)
		return
	}
	s.split(rows, s.activateRows)
}

func (s *Session) activateRows(thread, low, high int) {
	ffn := s.enc.shape.FFN
	for t := low; t < high; t++ {
		gelu(s.buf.ffn[t*ffn:(t+1)*ffn], s.buf.gelu[thread])
	}
}

// attend runs self-attention; with threads, each takes a range of (text, head) pairs.
func (s *Session) attend(starts []int) {
	pairs := (len(starts) - 1) * s.enc.shape.Heads
	if s.threads == 1 {
		s.attendPairs(starts, 0, 0, pairs)
		return
	}
	s.split(pairs, func(thread, low, high int) {
		s.attendPairs(starts, thread, low, high)
	})
}

func (s *Session) attendPairs(starts []int, thread, low, high int) {
	heads := s.enc.shape.Heads
	for pair := low; pair < high; pair++ {
		text, head := pair/heads, pair%heads
		s.attendHead(starts[text], starts[text+1], head, s.buf.attention[thread])
	}
}

// attendHead computes softmax(Q·Kᵀ/√d)·V of one head over the tokens from first to last (excluded) of one text.
func (s *Session) attendHead(first, last, head int, scratch []float32) {
	width, d := s.enc.shape.Width, s.enc.shape.Width/s.enc.shape.Heads
	n := last - first
	keys, scratch := scratch[:n*d], scratch[n*d:]
	values, scratch := scratch[:n*d], scratch[n*d:]
	block := min(n, queryRows)
	scores, mixed := scratch[:block*n], scratch[block*n:]

	// The head's keys and values are gathered once, so that all products run along memory.
	for t := range n {
		row := s.buf.qkv[(first+t)*3*width : (first+t+1)*3*width]
		copy(keys[t*d:(t+1)*d], row[width+head*d:])
		copy(values[t*d:(t+1)*d], row[2*width+head*d:])
	}
	scale := float32(1 / math.Sqrt(float64(d)))
	for from := 0; from < n; from += block {
		rows := min(block, n-from)
		for i := range rows {
			at := (first+from+i)*3*width + head*d
			s.enc.kernels.matVec(scores[i*n:(i+1)*n], keys, s.buf.qkv[at:at+d])
		}
		softmax(scores[:rows*n], n, scale)
		s.enc.kernels.matMul(mixed, scores[:rows*n], values, rows, n, d)
		for i := range rows {
			copy(s.buf.context[(first+from+i)*width+head*d:], mixed[i*d:(i+1)*d])
		}
	}
}

// split calls work for s.threads ranges of n at once and waits for all.
func (s *Session) split(n int, work func(thread, low, high int)) {
	var wait sync.WaitGroup
	for thread := 1; thread < s.threads; thread++ {
		wait.Go(func() { work(thread, n*thread/s.threads, n*(thread+1)/s.threads) })
	}
	work(0, 0, n/s.threads)
	wait.Wait()
}
