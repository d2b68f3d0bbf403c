using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// Forward and backward through the whole model for batches up to a planned size. All memory is planned and allocated here, once;
/// a step allocates nothing. There is no tape: each layer writes its backward next to its forward.
/// </summary>
internal sealed class TransformerPass : IDisposable
{
    private readonly Transformer _model;
    private readonly PassOptions _options;
    private readonly PassContext _context;
    private readonly LanguageHead _head;
    private readonly BackwardScratch? _scratch;
    private readonly Slot[] _streams;
    private readonly Slot _products;
    private readonly Arena _arena;
    private readonly Action _blocks, _kept, _train;
    private ISublayer[] _sublayers;
    private int[] _streamBefore; // by sublayer, and at the end
    private int[] _streamOf;     // the same in the run at hand
    private KvCache? _cache;

    /// <param name="model">The base.</param>
    /// <param name="options">Sizes.</param>
    /// <param name="trained">Each row through its own adapter, or null.</param>
    /// <param name="frozen">A weighted stack under all rows, or null.</param>
    public TransformerPass(Transformer model, PassOptions options, StackUse? trained = null, StackUse? frozen = null)
    {
        var config = model.Config;
        _model = model;
        _options = options;
        _context = new PassContext(model, options, trained, frozen, options.Dropout > 0);
        _head = new LanguageHead(model, options);
        _scratch = options.Backward ? new BackwardScratch(model, options.MaxRows) : null;
        var plan = new MemoryPlan("activations");
        _sublayers = [.. Lay(plan, trained)];

        _streamOf = _streamBefore = StreamsBefore();
        _streams = [.. Enumerable.Range(0, _streamBefore[^1] + 1).Select(i =>
            plan.Add($"residual stream {i}", new Shape(options.MaxRows, config.HiddenSize), model.Backend.ActivationType))];
        if (options.Products) _products = plan.Add("residual products", new Shape(checked((_sublayers.Length + 1) * options.MaxRows), 3));
        _arena = new Arena(model.Backend, plan);
        _blocks = Blocks;
        _kept = UpToLastKept;
        _train = Train;
        Plans = [plan, _context.Plan, _head.Plan, .. _scratch is null ? Array.Empty<MemoryPlan>() : [_scratch.Plan]];
    }

    /// <summary>The memory tables of this pass.</summary>
    public IReadOnlyList<MemoryPlan> Plans { get; }

    /// <summary>Runs all blocks over a batch.</summary>
    public void Forward(TokenBatch batch, KvCache? cache = null)
    {
        Begin(batch);
        _cache = cache;
        _model.Backend.Replay(_blocks);
    }

    /// <summary>
    /// Runs the first <paramref name="count"/> sublayers, at least one, over a batch. What the last of them adds lies in
    /// <see cref="Output"/>, the stream that it would be added to in <see cref="StreamBefore"/>.
    /// </summary>
    public void ForwardThrough(TokenBatch batch, int count)
    {
        Begin(batch);
        _cache = null;
        Start();
        Run(0, count);
    }

    /// <summary>(N, C): the residual stream before the i-th sublayer, where it is still there.</summary>
    public TensorView StreamBefore(int i) => Stream(i);

    /// <summary>(N, C): what the last sublayer that ran adds to the stream.</summary>
    public TensorView Output => _context.Normed;

    /// <summary>A tensor of this pass on the host, as f32.</summary>
    public float[] Read(TensorView tensor)
    {
        var values = new float[tensor.Count];
        if (tensor.DType == DType.F32)
        {
            _model.Backend.Download<float>(tensor, values);
            return values;
        }

        var plan = new MemoryPlan("widened");
        var slot = plan.Add("rows", tensor.Shape);
        using var arena = new Arena(_model.Backend, plan);
        _model.Backend.Copy(tensor, arena[slot]);
        _model.Backend.Download<float>(arena[slot], values);
        return values;
    }

    /// <summary>Runs a batch as far as the last stream of <see cref="PassOptions.Kept"/>: what <see cref="ForwardWithout"/> goes on from.</summary>
    public void ForwardKept(TokenBatch batch)
    {
        Begin(batch);
        _cache = null;
        _model.Backend.Replay(_kept);
    }

    /// <summary>
    /// The batch of <see cref="ForwardKept"/> through the pass without the first-th and, in all, <paramref name="count"/> neighbouring
    /// sublayers, from the stream kept before them on. The values are those of running all the others, bit for bit.
    /// </summary>
    public void ForwardWithout(int first, int count)
    {
        if (!Keeps(first)) throw new ArgumentOutOfRangeException(nameof(first), first, "the stream before it is not kept");
        var (backend, normed, next) = (_model.Backend, _context.Normed, first + count);
        TensorView kept = Kept(_streamBefore[first]);
        _streamOf = [.. Enumerable.Repeat(_streamBefore[^1], _sublayers.Length + 1)];
        if (next == _sublayers.Length || first == 0) backend.Copy(kept, Stream(next));
        if (next == _sublayers.Length) return;
        TensorView norm = _sublayers[next].Norm, rstd = _sublayers[next].Rstd(_arena, _context.Rows);
        float epsilon = _model.Config.NormEpsilon;
        if (first == 0)
        {
            backend.RmsNormForward(Stream(next), norm, epsilon, normed, rstd);
        }
        else
        {
            // The norm behind a residual add may be summed in another order than one by itself: adding nothing has the bits of the add left out.
            backend.Fill(0, normed);
            backend.ResidualRmsNormForward(kept, normed, norm, epsilon, Stream(next), normed, rstd, default);
        }

        Run(next, _sublayers.Length);
        Finish();
    }

    /// <summary>From now on the pass goes without these too. What is planned stays planned.</summary>
    public void Drop(DroppedSublayers sublayers)
    {
        _sublayers = [.. _sublayers.Where(sublayer => !sublayers.Contains(sublayer.Id))];
        _streamOf = _streamBefore = StreamsBefore();
    }

    /// <summary>Forward, losses and <see cref="Backward"/> of a batch, in one go that the backend may replay; waits for the losses at its end.</summary>
    public void Train(TokenBatch batch, Span<float> losses)
    {
        Begin(batch);
        _cache = null;
        _model.Backend.Replay(_train);
        _head.Read(_context, losses);
    }

    /// <summary>−log p(target) of every counted row of the last batch, in order.</summary>
    public void Losses(Span<float> losses)
    {
        _head.Losses(_context, Stream(_sublayers.Length), _options.Backward);
        _head.Read(_context, losses);
    }

    /// <summary>The logits of every counted row of the last batch, a block of rows at a time.</summary>
    public void Logits(Action<int, int, float[]> take) => _head.Logits(_context, Stream(_sublayers.Length), take);

    /// <summary>(N, C): the stream behind the last sublayer under the final norm, of every row of the last batch: what the head would read.</summary>
    public float[] LastHiddenStates()
    {
        int last = _sublayers.Length;
        _model.Backend.RmsNormForward(
            Stream(last), _model.Weights.FinalNorm, _model.Config.NormEpsilon, _context.Normed, _sublayers[last - 1].Rstd(_arena, _context.Rows));
        return Read(_context.Normed);
    }

    /// <summary>Sublayers that the pass runs, in order.</summary>
    public IEnumerable<Sublayer> Sublayers => _sublayers.Select(sublayer => sublayer.Id);

    /// <summary>
    /// Of the i-th sublayer that ran: x · y, |x|² and |y|² of every row of the last batch, x the stream before it and y behind it.
    /// </summary>
    public void Products(int i, Span<float> values) => _model.Backend.Download(ProductsOf(i), values);

    /// <summary>The same between the streams before the first-th and the last-th block that ran; at the end is the number of them.</summary>
    public void BlockProducts(int first, int last, Span<float> values)
    {
        var products = ProductsOf(_sublayers.Length);
        _model.Backend.CosineSimilarity(Kept(first), Kept(last), products);
        _model.Backend.Download(products, values);
    }

    /// <summary>Adds the gradients of Σ weight · loss to everything that trains. <see cref="Losses"/> comes first.</summary>
    public void Backward()
    {
        var scratch = _scratch ?? throw new InvalidOperationException("this pass was planned without a backward");
        _head.Backward(_context, scratch.Residual(_context.Rows));
        bool all = _context.WeightGradients is not null;
        int lowest = Array.FindIndex(_sublayers, sublayer => sublayer.Trains(_context));
        for (int i = _sublayers.Length - 1; lowest >= 0 && i >= lowest; i--)
            _sublayers[i].Backward(_context, scratch, _arena, Stream(i), needsInputGradient: all || i > lowest);

        if (_context.WeightGradients is { } gradients)
            _model.Backend.EmbeddingBackward(scratch.Residual(_context.Rows), _context.Tokens, gradients.Embedding);
    }

    public void Dispose()
    {
        _arena.Dispose();
        _scratch?.Dispose();
        _head.Dispose();
        _context.Dispose();
    }

    private void Begin(TokenBatch batch)
    {
        if (batch.Rows > _options.MaxRows || batch.HeadRows.Length > _options.MaxHeadRows)
        {
            throw new ArgumentException(
                $"a batch of {batch.Rows} rows, {batch.HeadRows.Length} counted, in a pass planned for {_options.MaxRows}, {_options.MaxHeadRows}", nameof(batch));
        }

        _streamOf = _streamBefore;
        _context.Begin(batch);
    }

    private void Blocks()
    {
        Start();
        Run(0, _sublayers.Length);
        Finish();
    }

    /// <summary>Makes every stream that is kept, and runs nothing behind the last of them.</summary>
    private void UpToLastKept()
    {
        Start();
        int last = Array.FindLastIndex(_sublayers, sublayer => Keeps(sublayer.Id));
        if (last <= 0) return;
        Run(0, last);
        Add(last - 1);
    }

    private void Start()
    {
        var (backend, epsilon) = (_model.Backend, _model.Config.NormEpsilon);
        backend.EmbeddingForward(_model.Weights.Embedding, _context.Tokens, Stream(0));
        if (_sublayers.Length == 0) return;
        backend.RmsNormForward(Stream(0), _sublayers[0].Norm, epsilon, _context.Normed, _sublayers[0].Rstd(_arena, _context.Rows));
    }

    /// <summary>Each sublayer adds to the residual stream; what the last one adds is left where it is.</summary>
    private void Run(int first, int end)
    {
        for (int i = first; i < end; i++)
        {
            _sublayers[i].Forward(_context, _arena, _cache);
            if (i + 1 < end) Add(i);
        }
    }

    /// <summary>Adds what a sublayer that is not the last made to the stream; the norm of the next one takes the sum in the same pass.</summary>
    private void Add(int i)
    {
        var (normed, next) = (_context.Normed, _sublayers[i + 1]);
        _model.Backend.ResidualRmsNormForward(
            Stream(i), normed, next.Norm, _model.Config.NormEpsilon, Stream(i + 1), normed, next.Rstd(_arena, _context.Rows), ProductsOf(i));
    }

    /// <summary>Adds what the last sublayer made.</summary>
    private void Finish()
    {
        if (_sublayers.Length == 0) return;
        var (backend, normed, last) = (_model.Backend, _context.Normed, _sublayers.Length - 1);
        if (_options.Products)
        {
            // What is normed here is not read: the products of the last sum are wanted.
            backend.ResidualRmsNormForward(
                Stream(last), normed, _model.Weights.FinalNorm, _model.Config.NormEpsilon, Stream(last + 1), normed,
                _sublayers[last].Rstd(_arena, _context.Rows), ProductsOf(last));
            return;
        }

        // The last sum is normed later, and only on the rows that count.
        if (_streamOf[last] != _streamOf[last + 1]) backend.Copy(Stream(last), Stream(last + 1));
        backend.AddScaled(normed, 1, Stream(last + 1));
    }

    private void Train()
    {
        Blocks();
        _head.Losses(_context, Stream(_sublayers.Length), withGradient: true);
        Backward();
    }

    /// <summary>What the model has, each with activations of its own where there is a backward pass, and shared by its kind where not.</summary>
    private IEnumerable<ISublayer> Lay(MemoryPlan plan, StackUse? trained)
    {
        AttentionActivations? attention = null;
        MlpActivations? mlp = null;
        StackUse? kept = _options.Backward ? trained : null;
        foreach (var (layer, kind) in _model.Config.Sublayers())
        {
            if (kind == SublayerKind.Attention)
            {
                if (attention is null || _options.Backward) attention = new AttentionActivations(plan, _model, layer, _options.MaxRows, kept);
                yield return new AttentionBlock(_model, layer, attention);
                continue;
            }

            if (mlp is null || _options.Backward) mlp = new MlpActivations(plan, _model, layer, _options.MaxRows, kept);
            yield return new MlpBlock(_model, layer, mlp);
        }
    }

    /// <summary>Which stream a sublayer reads. What is kept has its own; what is not is updated in place.</summary>
    private int[] StreamsBefore()
    {
        var before = new int[_sublayers.Length + 1];
        for (int i = 0; i < _sublayers.Length; i++) before[i + 1] = before[i] + (Keeps(i) ? 1 : 0);
        return before;
    }

    /// <summary>Whether the stream before a sublayer outlives it: for a backward pass each, for <see cref="PassOptions.Products"/> each block's.</summary>
    private bool Keeps(int i) =>
        _options.Backward || Keeps(_sublayers[i].Id) || (_options.Products && (i == 0 || _sublayers[i - 1].Id.Layer != _sublayers[i].Id.Layer));

    private bool Keeps(Sublayer sublayer) => _options.Kept is { } kept && kept.Contains(sublayer);

    private TensorView Stream(int i) => Kept(_streamOf[i]);

    private TensorView Kept(int stream) => _arena[_streams[stream]].Slice(0, _context.Rows);

    private TensorView ProductsOf(int i) => _options.Products ? _arena[_products].Slice(i * _context.Rows, _context.Rows) : default;
}
