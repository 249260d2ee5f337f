package encoder

import (
	"fmt"
	"hash/fnv"
	"math"
)

// weights are a model's parameters, matrices stored with one row an output. Immutable once filled.
type weights struct {
	word, position, tokenType []float32
	norm                      affine
	layers                    []layer
}

// affine is the gain and offset of a layer normalisation.
type affine struct{ gamma, beta []float32 }

// dense is a matrix and its bias.
type dense struct{ w, bias []float32 }

// layer is one transformer layer. query, key and value are one matrix, so that one pass over the tokens gives all three.
type layer struct {
	qkv, attended dense
	attendedNorm  affine
	up, down      dense
	outNorm       affine
}

// parameter is one tensor under the name that Hugging Face's BERT gives it, and the memory it fills.
type parameter struct {
	name  string
	shape []int
	data  []float32
	// initial is the constant that an untrained model starts it with; NaN means random.
	initial float32
}

// newWeights makes room for a shape and lists its parameters in a fixed order.
func newWeights(s Shape) (*weights, []parameter) {
	var list []parameter
	random := float32(math.NaN())
	add := func(name string, data []float32, initial float32, shape ...int) {
		list = append(list, parameter{name: name, shape: shape, data: data, initial: initial})
	}
	addNorm := func(name string) affine {
		n := affine{gamma: make([]float32, s.Width), beta: make([]float32, s.Width)}
		add(name+".weight", n.gamma, 1, s.Width)
		add(name+".bias", n.beta, 0, s.Width)
		return n
	}
	addDense := func(out, in int, names ...string) dense {
		d := dense{w: make([]float32, len(names)*out*in), bias: make([]float32, len(names)*out)}
		for i, name := range names {
			add(name+".weight", d.w[i*out*in:(i+1)*out*in], random, out, in)
			add(name+".bias", d.bias[i*out:(i+1)*out], 0, out)
		}
		return d
	}
	addTable := func(name string, rows int) []float32 {
		table := make([]float32, rows*s.Width)
		add("embeddings."+name+".weight", table, random, rows, s.Width)
		return table
	}

	w := &weights{
		word:      addTable("word_embeddings", s.Vocab),
		position:  addTable("position_embeddings", s.Positions),
		tokenType: addTable("token_type_embeddings", s.Types),
		norm:      addNorm("embeddings.LayerNorm"),
		layers:    make([]layer, s.Layers),
	}
	for i := range w.layers {
		at := fmt.Sprintf("encoder.layer.%d.", i)
		self := at + "attention.self."
		w.layers[i] = layer{
			qkv:          addDense(s.Width, s.Width, self+"query", self+"key", self+"value"),
			attended:     addDense(s.Width, s.Width, at+"attention.output.dense"),
			attendedNorm: addNorm(at + "attention.output.LayerNorm"),
			up:           addDense(s.FFN, s.Width, at+"intermediate.dense"),
			down:         addDense(s.Width, s.FFN, at+"output.dense"),
			outNorm:      addNorm(at + "output.LayerNorm"),
		}
	}
	return w, list
}

// randomDeviation is the standard deviation BERT is initialised with.
const randomDeviation = 0.02

// randomWeights fills a shape from a seed, the same bits on every platform: integers throughout, then one multiplication.
func randomWeights(s Shape, seed uint64) *weights {
	w, list := newWeights(s)
	for _, p := range list {
		if p.initial == p.initial {
			for i := range p.data {
				p.data[i] = p.initial
			}
			continue
		}
		// Each tensor has its own stream, so that none depends on the order of the list.
		name := fnv.New64a()
		name.Write([]byte(p.name))
		fillNormal(p.data, seed^name.Sum64())
	}
	return w
}

// fillNormal fills dst with nearly normal numbers: the sum of four uniform 16-bit numbers, whose standard deviation is
// 65536/√3, from one step of the SplitMix64 generator (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
func fillNormal(dst []float32, state uint64) {
	const scale = float32(randomDeviation * 1.7320508075688772 / 65536)
	for i := range dst {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		sum := int32(z&0xffff) + int32(z>>16&0xffff) + int32(z>>32&0xffff) + int32(z>>48) - 2*65535
		dst[i] = float32(sum) * scale
	}
}
