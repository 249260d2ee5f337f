package encoder

import "github.com/viterin/vek/vek32"

// kernels are the two products that nearly all time goes to.
//
// vek32 has AVX2 code for amd64 (not on darwin) and a plain loop elsewhere; that loop waits for each addition before it
// starts the next. The portable kernels here keep several sums open and are about eight times as fast as it
// (BenchmarkLinear: 3.0 against 0.4 thousand million multiplications a second; with AVX2 it is 19).
type kernels struct {
	name string
	// matVec sets dst[i] to the dot product of row i of w with x. w is row-major with rows of len(x).
	matVec func(dst, w, x []float32)
	// matMul sets dst (m × p) to a (m × n) times b (n × p), all row-major.
	matMul func(dst, a, b []float32, m, n, p int)
}

func pickKernels() kernels {
	if vek32.Info().Acceleration {
		return kernels{name: "vek32, AVX2 and FMA", matVec: vekMatVec, matMul: vekMatMul}
	}
	return kernels{name: "portable", matVec: portableMatVec, matMul: portableMatMul}
}

// serialLimit is the number of multiplications from which vek32's product would start goroutines of its own. One encode
// shall use one core, so larger products are cut.
const serialLimit = 100_000

func vekMatVec(dst, w, x []float32) {
	n := len(x)
	for step := max((serialLimit-1)/n, 3); len(dst) > 0; {
		rows := min(step, len(dst))
		vek32.MatMul_Into(dst[:rows], w[:rows*n], x, n)
		dst, w = dst[rows:], w[rows*n:]
	}
}

func vekMatMul(dst, a, b []float32, m, n, p int) {
	if p == 1 {
		vekMatVec(dst, a, b)
		return
	}
	for step := max((serialLimit-1)/(n*p), 3); m > 0; {
		rows := min(step, m)
		vek32.MatMul_Into(dst[:rows*p], a[:rows*n], b, n)
		dst, a, m = dst[rows*p:], a[rows*n:], m-rows
	}
}

// portableMatVec takes four rows at a time: four independent sums, and each element of x is loaded once for all four.
func portableMatVec(dst, w, x []float32) {
	n := len(x)
	for len(dst) >= 4 {
		w0, w1, w2, w3 := w[:n:n], w[n:2*n:2*n], w[2*n:3*n:3*n], w[3*n:4*n:4*n]
		var s0, s1, s2, s3 float32
		for i, v := range x {
			s0 += w0[i] * v
			s1 += w1[i] * v
			s2 += w2[i] * v
			s3 += w3[i] * v
		}
		dst[0], dst[1], dst[2], dst[3] = s0, s1, s2, s3
		dst, w = dst[4:], w[4*n:]
	}
	for i := range dst {
		var sum float32
		for j, v := range x {
			sum += w[i*n+j] * v
		}
		dst[i] = sum
	}
}

func portableMatMul(dst, a, b []float32, m, n, p int) {
	for i := range m {
		row := dst[i*p : (i+1)*p]
		clear(row)
		for k := range n {
			factor, from := a[i*n+k], b[k*p:(k+1)*p]
			for j := range row {
				row[j] += factor * from[j]
			}
		}
	}
}

// tileFloats is how much of a weight matrix is held in the first-level cache while every token passes by: 24 KiB, half to
// three quarters of that cache on the processors of the last ten years.
const tileFloats = 24 << 10 / 4

// linear sets dst (tokens × len(bias)) to x (tokens × in) times the transpose of w, plus bias, for the output columns from
// low to high. w is stored as the files store it: one row an output, so every dot product runs along memory.
func (k kernels) linear(dst, x, w, bias []float32, in, low, high int) {
	out := len(bias)
	tokens := len(x) / in
	tile := max(tileFloats/in, 2)
	for from := low; from < high; from += tile {
		to := min(from+tile, high)
		rows := w[from*in : to*in]
		for t := range tokens {
			k.matVec(dst[t*out+from:t*out+to], rows, x[t*in:(t+1)*in])
		}
	}
	for t := range tokens {
		vek32.Add_Inplace(dst[t*out+low:t*out+high], bias[low:high])
	}
}
