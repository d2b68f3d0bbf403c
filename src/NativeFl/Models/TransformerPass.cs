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
    private readonly AttentionBlock[] _attention;
    private readonly MlpBlock[] _mlp;
    private readonly LayerActivations[] _layers;
    private readonly Slot[] _inputs;
    private readonly Arena _arena;
    private readonly Action _blocks, _train;
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
        _attention = [.. Enumerable.Range(0, config.LayerCount).Select(l => new AttentionBlock(model, l))];
        _mlp = [.. Enumerable.Range(0, config.LayerCount).Select(l => new MlpBlock(model, l))];

        // Without a backward pass all blocks share one set of activations and one residual stream, updated in place.
        int kept = options.Backward ? config.LayerCount : 1;
        var plan = new MemoryPlan("activations");
        _layers = [.. Enumerable.Range(0, kept).Select(l => new LayerActivations(plan, model, l, options.MaxRows, options.Backward ? trained : null))];
        int streams = options.Backward ? config.LayerCount + 1 : 1;
        _inputs = [.. Enumerable.Range(0, streams).Select(l =>
            plan.Add($"residual stream {l}", new Shape(options.MaxRows, config.HiddenSize), model.Backend.ActivationType))];
        _arena = new Arena(model.Backend, plan);
        _blocks = Blocks;
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
        _head.Losses(_context, Input(_attention.Length), _options.Backward);
        _head.Read(_context, losses);
    }

    /// <summary>The logits of every counted row of the last batch, a block of rows at a time.</summary>
    public void Logits(Action<int, int, float[]> take) => _head.Logits(_context, Input(_attention.Length), take);

    /// <summary>Adds the gradients of Σ weight · loss to everything that trains. <see cref="Losses"/> comes first.</summary>
    public void Backward()
    {
        var scratch = _scratch ?? throw new InvalidOperationException("this pass was planned without a backward");
        _head.Backward(_context, scratch.Residual(_context.Rows));
        int lowest = LowestTrainedLayer();
        for (int l = _attention.Length - 1; l >= lowest; l--)
        {
            var views = Views(l);
            bool all = _context.WeightGradients is not null, below = all || l > lowest, attention = below || _attention[l].Trains(_context);
            _mlp[l].Backward(_context, scratch, views.Middle, views, attention);
            if (attention) _attention[l].Backward(_context, scratch, Input(l), views, below);
        }

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

        _context.Begin(batch);
    }

    /// <summary>Each half block adds to the residual stream, and the norm of the next half takes the sum in the same pass.</summary>
    private void Blocks()
    {
        var (backend, normed, epsilon) = (_model.Backend, _context.Normed, _model.Config.NormEpsilon);
        var weights = _model.Weights.Layers;
        backend.EmbeddingForward(_model.Weights.Embedding, _context.Tokens, Input(0));
        backend.RmsNormForward(Input(0), weights[0].InputNorm, epsilon, normed, Views(0).RstdInput);
        for (int l = 0; l < _attention.Length; l++)
        {
            var views = Views(l);
            var middle = _options.Backward ? views.Middle : Input(l);
            _attention[l].Forward(_context, views, _cache);
            backend.ResidualRmsNormForward(Input(l), normed, weights[l].PostAttentionNorm, epsilon, middle, normed, views.RstdMiddle, default);
            _mlp[l].Forward(_context, views);
            if (l + 1 < _attention.Length)
            {
                backend.ResidualRmsNormForward(
                    middle, normed, weights[l + 1].InputNorm, epsilon, Input(l + 1), normed, Views(l + 1).RstdInput, default);
                continue;
            }

            // The last sum is normed later, and only on the rows that count.
            if (_options.Backward) backend.Copy(middle, Input(l + 1));
            backend.AddScaled(normed, 1, Input(l + 1));
        }
    }

    private void Train()
    {
        Blocks();
        _head.Losses(_context, Input(_attention.Length), withGradient: true);
        Backward();
    }

    /// <summary>No gradient is needed below the first block that trains anything.</summary>
    private int LowestTrainedLayer()
    {
        for (int l = 0; l < _attention.Length; l++)
        {
            if (_attention[l].Trains(_context) || _mlp[l].Trains(_context)) return l;
        }

        return _attention.Length;
    }

    private TensorView Input(int layer) => _arena[_inputs[_options.Backward ? layer : 0]].Slice(0, _context.Rows);

    private LayerViews Views(int layer) => _layers[_options.Backward ? layer : 0].Bind(_arena, _context.Rows);
}
