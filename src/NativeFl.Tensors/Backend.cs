namespace NativeFl.Tensors;

/// <summary>
/// The seam between the model and the machine: memory, and a table of ops named after their formulas. Inputs come first, outputs
/// last, forward and backward side by side. Ops check shapes, allocate nothing and do not wait; <see cref="Synchronize"/> is the only
/// wait. Same inputs, same backend, same device: same bits.
/// </summary>
/// <remarks>
/// Letters: N token rows, C model width, H query heads, Hkv key/value heads, D head width, F feed-forward width, V vocabulary,
/// R ranks of a stack, K clusters. Activations are <see cref="ActivationType"/>; adapters, norm weights, biases, gradients of parameters and
/// optimiser state are always f32. An optional tensor is passed as <c>default</c>.
/// </remarks>
public abstract class Backend : IDisposable
{
    /// <summary>The device in words, such as "cpu: 2 threads, AVX-512".</summary>
    public abstract string DeviceName { get; }

    /// <summary>The type of activations: f32 on the CPU, f32 or bf16 on CUDA.</summary>
    public abstract DType ActivationType { get; }

    /// <summary>
    /// Rows of a product from which on its time goes by its rows; with fewer it waits for the weights, or leaves processors idle. What may be
    /// cut into blocks of rows should be cut no smaller.
    /// </summary>
    public virtual int FullProductRows => 1;

    // ---- memory -----------------------------------------------------------------------------------------------------------------

    /// <summary>Bytes handed out and not yet given back.</summary>
    public abstract long AllocatedBytes { get; }

    /// <summary>The memory that there is, taken or not: what a plan may count on. Of the machine, or of the limit that the process runs under.</summary>
    public abstract long MemoryBytes { get; }

    /// <summary>A block of zeros, aligned to at least <see cref="MemoryPlan.Alignment"/>.</summary>
    public abstract DeviceMemory Allocate(long bytes);

    /// <summary>Copies host elements (float, int, double, or ushort for bf16) into <paramref name="destination"/>, which has as many.</summary>
    public abstract void Upload<T>(ReadOnlySpan<T> source, TensorView destination)
        where T : unmanaged;

    /// <summary>Copies elements to the host; waits for the ops before it.</summary>
    public abstract void Download<T>(TensorView source, Span<T> destination)
        where T : unmanaged;

    /// <summary>destination = source, converting between f32 and bf16 where they differ (round to nearest even).</summary>
    public abstract void Copy(TensorView source, TensorView destination);

    /// <summary>destination = value everywhere.</summary>
    public abstract void Fill(float value, TensorView destination);

    /// <summary>Waits until every op enqueued so far is done.</summary>
    public abstract void Synchronize();

    /// <summary>
    /// Runs the ops of a step, on a device that can as one graph: a step that comes again with the same shapes and tensors is then started
    /// at once instead of op by op. The values are those of running it plainly.
    /// </summary>
    public virtual void Replay(Action step)
    {
        ArgumentNullException.ThrowIfNull(step);
        step();
    }

    /// <summary>What a packed (outFeatures, inFeatures) matrix of <paramref name="dtype"/> (f32 or bf16) takes.</summary>
    public abstract long PackedBytes(int outFeatures, int inFeatures, DType dtype);

    /// <summary>Rows firstRow .. of W from row-major <paramref name="rows"/> (n, in), f32 or bf16, rounded to the packed type if needed.</summary>
    public abstract void Pack(TensorView rows, int firstRow, PackedMatrix destination);

    /// <summary>Rows firstRow .. of W into row-major <paramref name="rows"/> (n, in), f32 or bf16.</summary>
    public abstract void Unpack(PackedMatrix source, int firstRow, TensorView rows);

    // ---- matrix products --------------------------------------------------------------------------------------------------------

    /// <summary>y = x Wᵀ + bias, or y += that.  x (N, in), W (out, in), bias (out) optional, y (N, out).</summary>
    public abstract void LinearForward(TensorView x, PackedMatrix w, TensorView bias, bool accumulate, TensorView y);

    /// <summary>dx = dy W, or dx += that.  dy (N, out), dx (N, in).</summary>
    public abstract void LinearBackward(TensorView dy, PackedMatrix w, bool accumulate, TensorView dx);

    /// <summary>c = op(a) op(b), or c += that, where op transposes if asked. Row-major; op(a) (M, K), op(b) (K, N), c (M, N).</summary>
    public abstract void MatMul(TensorView a, bool transposeA, TensorView b, bool transposeB, bool accumulate, TensorView c);

    /// <summary>sums[c] += Σ_n x[n, c]: the gradient of a bias.  x (N, C), sums (C) f32.</summary>
    public abstract void ColumnSum(TensorView x, TensorView sums);

    // ---- the adapter stack (LoRA, arXiv:2106.09685; FLoRA, arXiv:2409.05976) ------------------------------------------------------

    /// <summary>
    /// Per group: S = x Aᵀ on the group's rows and ranks, y += scaling · S B.  x (N, in), A (R, in), B (R, out), S (N, ≥ column + ranks),
    /// y (N, out).
    /// </summary>
    public abstract void LoraForward(TensorView x, TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, TensorView s, TensorView y);

    /// <summary>
    /// Per group: dS = scaling · dy Bᵀ;  dB += scaling · Sᵀ dy and dA += dSᵀ x unless they are empty (a frozen stack);  dx += dS A
    /// unless dx is empty. S as left by the forward; ds is scratch of S's shape; x is what the forward read.
    /// </summary>
    public abstract void LoraBackward(
        TensorView dy, TensorView x, TensorView a, TensorView b, TensorView s, ReadOnlySpan<LoraGroup> groups,
        TensorView ds, TensorView da, TensorView db, TensorView dx);

    /// <summary>
    /// <see cref="LinearForward"/> and then <see cref="LoraForward"/> on its y: one call, so that a backend may keep the rows of x and y at
    /// hand between the two.
    /// </summary>
    public virtual void LinearLoraForward(
        TensorView x, PackedMatrix w, TensorView bias, TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, TensorView s, TensorView y)
    {
        LinearForward(x, w, bias, false, y);
        LoraForward(x, a, b, groups, s, y);
    }

    /// <summary><see cref="LinearBackward"/> and then <see cref="LoraBackward"/> onto its dx; without a dx only the latter.</summary>
    public virtual void LinearLoraBackward(
        TensorView dy, PackedMatrix w, TensorView x, TensorView a, TensorView b, TensorView s, ReadOnlySpan<LoraGroup> groups,
        bool accumulate, TensorView ds, TensorView da, TensorView db, TensorView dx)
    {
        if (!dx.IsEmpty) LinearBackward(dy, w, accumulate, dx);
        LoraBackward(dy, x, a, b, s, groups, ds, da, db, dx);
    }

    /// <summary>W += Σ_groups scaling · Bᵀ A on the group's ranks (rows are ignored), f32 accumulation, one rounding to W's type.</summary>
    public abstract void LoraMerge(TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, PackedMatrix w);

    /// <summary>y = x ∘ mask / (1 − rate), the mask by Philox keyed on (seed, step, module, token index, column).  x, y (N, C).</summary>
    public abstract void DropoutForward(TensorView x, ReadOnlySpan<DropoutRows> rows, int module, float rate, TensorView y);

    /// <summary>dx += dy ∘ mask / (1 − rate), the same mask again.</summary>
    public abstract void DropoutBackward(TensorView dy, ReadOnlySpan<DropoutRows> rows, int module, float rate, TensorView dx);

    // ---- the transformer --------------------------------------------------------------------------------------------------------

    /// <summary>x[n] = table[tokens[n]].  table (V, C), tokens (N) i32, x (N, C).</summary>
    public abstract void EmbeddingForward(PackedMatrix table, TensorView tokens, TensorView x);

    /// <summary>dTable[tokens[n]] += dx[n].  dTable (V, C) row-major f32.</summary>
    public abstract void EmbeddingBackward(TensorView dx, TensorView tokens, TensorView dTable);

    /// <summary>y[n] = x[n] · rstd[n] ∘ w, rstd[n] = (mean_c x[n, c]² + epsilon)^(−1/2).  x, y (N, C), w (C), rstd (N) f32. y may be x.</summary>
    public abstract void RmsNormForward(TensorView x, TensorView w, float epsilon, TensorView y, TensorView rstd);

    /// <summary>dx += rstd (w dy − x rstd² mean(w dy x)); dw += Σ_n dy x rstd unless dw is empty.</summary>
    public abstract void RmsNormBackward(TensorView dy, TensorView x, TensorView w, TensorView rstd, TensorView dx, TensorView dw);

    /// <summary>
    /// xOut = x + delta, y = xOut · rstd ∘ w with rstd of xOut, as stored. products (N, 3) f32, unless empty: x · xOut, |x|², |xOut|² of
    /// every row, what their cosine is made of. xOut may be x or delta, y the other one. <see cref="RmsNormBackward"/> is the backward.
    /// </summary>
    public abstract void ResidualRmsNormForward(
        TensorView x, TensorView delta, TensorView w, float epsilon, TensorView xOut, TensorView y, TensorView rstd, TensorView products);

    /// <summary>
    /// products[n] = (x[n] · y[n], |x[n]|², |y[n]|²), what the cosine of two rows is made of (LLM-Drop, arXiv:2406.15786), summed as by
    /// <see cref="ResidualRmsNormForward"/>: with y the residual sum of x the bits are the same.  x, y (N, C), products (N, 3) f32. y may be x.
    /// </summary>
    public abstract void CosineSimilarity(TensorView x, TensorView y, TensorView products);

    /// <summary>
    /// Rotates the pairs (j, j + D/2) of every head in place by positions[n] · frequencies[j].  x (N, heads · D), positions (N) i32,
    /// frequencies (D/2) f32; D is twice their count.
    /// </summary>
    public abstract void RopeForward(TensorView positions, TensorView frequencies, TensorView x);

    /// <summary>Rotates back in place: the transpose of the forward.</summary>
    public abstract void RopeBackward(TensorView positions, TensorView frequencies, TensorView dx);

    /// <summary>The forward of queries and of keys, which have rows and positions in common and heads of their own: one call, for a backend that pays by the call.</summary>
    public virtual void RopeForward(TensorView positions, TensorView frequencies, TensorView q, TensorView k)
    {
        RopeForward(positions, frequencies, q);
        RopeForward(positions, frequencies, k);
    }

    /// <summary>The backward of both.</summary>
    public virtual void RopeBackward(TensorView positions, TensorView frequencies, TensorView dq, TensorView dk)
    {
        RopeBackward(positions, frequencies, dq);
        RopeBackward(positions, frequencies, dk);
    }

    /// <summary>
    /// o = softmax(scale · q kᵀ + causal mask) v per span and head, without a T×T matrix.  q, o (N, H·D), k, v (M, Hkv·D),
    /// lse (N, H) f32 = log Σ exp of the masked scores.
    /// </summary>
    public abstract void AttentionForward(
        TensorView q, TensorView k, TensorView v, ReadOnlySpan<AttentionSpan> spans, AttentionShape shape, TensorView o, TensorView lse);

    /// <summary>dq, dk, dv = the gradients, overwritten. delta (N, H) f32 is scratch for rowsum(do ∘ o).</summary>
    public abstract void AttentionBackward(
        TensorView dO, TensorView q, TensorView k, TensorView v, TensorView o, TensorView lse,
        ReadOnlySpan<AttentionSpan> spans, AttentionShape shape, TensorView delta, TensorView dq, TensorView dk, TensorView dv);

    /// <summary>y = silu(gate) ∘ up.  All (N, F).</summary>
    public abstract void SwigluForward(TensorView gate, TensorView up, TensorView y);

    /// <summary>dGate, dUp = the gradients, overwritten. dGate may be gate, and dUp may be up or dy.</summary>
    public abstract void SwigluBackward(TensorView dy, TensorView gate, TensorView up, TensorView dGate, TensorView dUp);

    /// <summary>
    /// losses[n] = logsumexp(logits[n]) − logits[n, labels[n]]; where <paramref name="withGradient"/>, logits become
    /// weights[n] · (softmax − onehot).  logits (N, V), labels (N) i32 ≥ 0, weights (N) f32 (may be empty without gradient), losses (N) f32.
    /// </summary>
    public abstract void CrossEntropy(TensorView labels, TensorView weights, bool withGradient, TensorView logits, TensorView losses);

    /// <summary>The same with the gradient in a tensor of its own, of f32 or bf16; what the logits hold after that is not said.  gradient (N, V).</summary>
    public virtual void CrossEntropy(TensorView labels, TensorView weights, TensorView logits, TensorView losses, TensorView gradient)
    {
        CrossEntropy(labels, weights, true, logits, losses);
        Copy(logits, gradient);
    }

    /// <summary>y[i] = x[rows[i]].  rows (M) i32, y (M, C).</summary>
    public abstract void GatherRows(TensorView x, TensorView rows, TensorView y);

    /// <summary>y[rows[i]] = x[i]; the rows are distinct, other rows of y keep what they hold.  x (M, C).</summary>
    public abstract void ScatterRows(TensorView x, TensorView rows, TensorView y);

    /// <summary>The same of keys and of values, which have shape and rows in common: one call, for a backend that pays by the call.</summary>
    public virtual void ScatterRows(TensorView k, TensorView v, TensorView rows, TensorView keys, TensorView values)
    {
        ScatterRows(k, rows, keys);
        ScatterRows(v, rows, values);
    }

    /// <summary>y += alpha · x.  Any equal shapes.</summary>
    public abstract void AddScaled(TensorView x, float alpha, TensorView y);

    // ---- clusters ---------------------------------------------------------------------------------------------------------------

    /// <summary>
    /// nearest[n] = argmin_k ‖x[n] − centres[k]‖², the first of several; distances[n] = that minimum (Lloyd 1982). Differences are squared, not
    /// expanded, so that it does not matter where the origin is.  x (N, C), centres (K, C), distances (N) f32, nearest (N) i32.
    /// </summary>
    public abstract void KMeansAssign(TensorView x, TensorView centres, TensorView nearest, TensorView distances);

    /// <summary>
    /// sizes[k] = rows n with nearest[n] = k, centres[k] = their mean, summed in double in a fixed order; a centre without rows stays what it
    /// is.  x (N, C), centres (K, C) f32, nearest (N), sizes (K) i32.
    /// </summary>
    public abstract void KMeansUpdate(TensorView x, TensorView nearest, TensorView centres, TensorView sizes);

    // ---- the optimiser ----------------------------------------------------------------------------------------------------------

    /// <summary>norms[k] = ‖gradients on the ranges of segment k‖₂, summed in double in a fixed order.  norms (K) f32.</summary>
    public abstract void GradNorm(TensorView gradients, ReadOnlySpan<ParameterRange> ranges, TensorView norms);

    /// <summary>
    /// AdamW (Loshchilov and Hutter, arXiv:1711.05101) on flat f32 buffers, each range with its segment's numbers, gradients first
    /// scaled by that segment's clip.  norms (K) f32 from <see cref="GradNorm"/>.
    /// </summary>
    public abstract void AdamW(
        TensorView gradients, TensorView norms, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<AdamWSegment> segments,
        TensorView parameters, TensorView firstMoments, TensorView secondMoments);

    // ---- values of players (Shapley 1953; kernels/shapley.cu) -----------------------------------------------------------------------

    /// <summary>
    /// Marginals along random orders in the quadratic game v(S) = Σ gains[i] − ½ |Σ rows[i]|²: of player i after those of S, gains[i] −
    /// rows[i] · (Σ_S rows + ½ rows[i]). Without rows: the additive game.  gains (n) f32, rows (n, d) f32 or empty.
    /// </summary>
    /// <param name="gains">By player.</param>
    /// <param name="rows">By player.</param>
    /// <param name="orders">Which orders.</param>
    /// <param name="partials">
    /// (parts, 2 n) f64, scratch: the blocks are cut into so many parts, each summed for itself, so that the bits depend on how many parts there
    /// are and on nothing else.
    /// </param>
    /// <param name="moments">(2, n) f64: by player the sum over the blocks of its mean marginal, and of the square of that.</param>
    public abstract void ShapleyQuadratic(TensorView gains, TensorView rows, PlayerOrders orders, TensorView partials, TensorView moments);

    /// <summary>
    /// <see cref="ShapleyQuadratic"/> from the products of the rows instead of the rows: gains[i] − Σ_{j ∈ S} gram[i, j] − ½ gram[i, i]. Less work
    /// where the rows are longer than there are players.  gram (n, n) f32, symmetric.
    /// </summary>
    public abstract void ShapleyGram(TensorView gains, TensorView gram, PlayerOrders orders, TensorView partials, TensorView moments);

    /// <summary>The same in the voting game v(S) = 1 where Σ_S weights ≥ quota, else 0.  weights (n) i32.</summary>
    public abstract void ShapleyVoting(TensorView weights, long quota, PlayerOrders orders, TensorView partials, TensorView moments);

    /// <summary>
    /// The same in the game of a classifier by nearest neighbours: v(S) = the mean over T points of 1/K · how many of the K nearest of S (all of S
    /// where it has fewer) are of the point's class (Jia et al. 2019, arXiv:1908.08619, equation 5).  keys (n, T) i32: twice the player's rank
    /// by distance to the point, the nearest being 0, plus 1 where the classes agree; K is 1 to 16.
    /// </summary>
    public abstract void ShapleyNeighbours(TensorView keys, int neighbours, PlayerOrders orders, TensorView partials, TensorView moments);

    /// <summary>
    /// What every estimator needs of a table of M measured v(S). sums (n, 9) f64, by player (count, Σ v, Σ v²) of three kinds: the differences
    /// values[after] − values[before] of its steps; v with it; v without it, the last two by weights[:, 0], how often a coalition was drawn
    /// (Banzhaf's values are the difference of their means). normal (n, n + 1) f64: A = Σ w z zᵀ and, last, b = Σ w z v, with z the
    /// indicator of S and w = weights[:, 1] (the normal equations of KernelSHAP).
    /// </summary>
    /// <param name="coalitions">(M, ⌈n / 32⌉) i32: bit p mod 32 of word ⌊p / 32⌋ is player p.</param>
    /// <param name="values">(M) f64.</param>
    /// <param name="weights">(M, 2) f64.</param>
    /// <param name="steps">(number, 3) i32: row of the coalition before, row of the one after, player.</param>
    /// <param name="sums">(n, 9) f64.</param>
    /// <param name="normal">(n, n + 1) f64.</param>
    public abstract void ShapleyTable(
        TensorView coalitions, TensorView values, TensorView weights, TensorView steps, TensorView sums, TensorView normal);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the backend itself holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
