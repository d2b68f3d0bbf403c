using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Valuation;

namespace NativeFl.DataRefinement;

/// <summary>The training of <see cref="InRunValues"/>: that of <see cref="AdapterTrainer"/>, with the gradient of each record beside their sum.</summary>
internal sealed class InRunTraining : IDisposable
{
    private readonly Backend _backend;
    private readonly InRunOptions _options;
    private readonly TrainingClient _client;
    private readonly AdapterStack _adapter;
    private readonly ParameterRange[] _pieces;
    private readonly AdapterCopies _records;
    private readonly ValidationGradient _validation;
    private readonly Arena _arena;
    private readonly Slot _directions, _dots;
    private readonly TokenBatch _batch = new();
    private readonly double[][] _credits;
    private readonly int[] _drawn;
    private readonly TrainingCheckpoint? _checkpoint;
    private readonly int _side, _maxRows;
    private float[] _second = [], _direction = [], _before = [], _products = [], _norms = [];
    private double _lossBefore;
    private bool _isMeasured;
    private long _validationTokens;

    public InRunTraining(
        Transformer model, IReadOnlyList<TokenizedExample> records, IReadOnlyList<TokenizedExample> validation, InRunOptions options)
        : this(model, records, validation, options, new AdapterStack(model, [LoraInitialisation.Create(model.Config, options.Lora, options.Seed)], trainable: true))
    {
    }

    private InRunTraining(
        Transformer model, IReadOnlyList<TokenizedExample> records, IReadOnlyList<TokenizedExample> validation, InRunOptions options, AdapterStack adapter)
    {
        (_backend, _options) = (model.Backend, options);
        _client = new TrainingClient("in-run", options.Seed, records, options.Training);
        _adapter = adapter;
        _pieces = _adapter.Ranges;
        _side = (int)Math.Min((long)options.Training.BatchSize * options.Training.GradientAccumulation, records.Count);
        var (rows, counted) = _client.Largest();
        _maxRows = Math.Min(rows, Math.Max(options.MaxRows, records.Max(e => e.InputIds.Length)));
        _records = new AdapterCopies(model, options.Lora, _side, _maxRows, Math.Min(counted, _maxRows));
        _validation = new ValidationGradient(model, options.Lora, _pieces, validation, options.ValidationBlocks, options.MaxRows);
        var plan = new MemoryPlan("in-run values");
        _directions = plan.Add("directions", new Shape(checked((int)_validation.Count)));
        _dots = plan.Add("products", new Shape(_side, _validation.Shares.Count));
        _arena = new Arena(_backend, plan);
        _credits = [.. records.Select(_ => new double[_validation.Shares.Count])];
        _drawn = new int[records.Count];
        if (options.Checkpoint is not { } file) return;
        string how = FormattableString.Invariant($"{_validation.Shares.Count} blocks every {options.ValidationEvery} steps, {options.Order} order{(options.Normalised ? ", normalised" : "")}, {options.MaxRows} rows a pass");
        _checkpoint = new TrainingCheckpoint(file, options.CheckpointEvery, () =>
            $"adapter {TrainingCheckpoint.HashOf([LoraInitialisation.Create(model.Config, options.Lora, options.Seed)])} on a base in {model.Weights.Type}, valued on {Dataset.Hash(validation)} in {how}");
    }

    /// <summary>What all of it takes but for the base, on the device and on the host.</summary>
    public long Bytes => _adapter.Flat.Plan.Bytes + _records.Bytes + _validation.Bytes + _arena.Bytes
        + (sizeof(float) * (_adapter.ParameterCount + ((_options.Order == InRunOrder.Second ? 2 : 1) * _validation.Count) + (_side * (_validation.Shares.Count + 1L))))
        + (_credits.Length * ((sizeof(double) * (long)_validation.Shares.Count) + sizeof(int)));

    /// <summary>A training that is laid out and cannot be run, on a model of which the same holds: what memory plans are made from.</summary>
    public static InRunTraining Plan(
        Transformer model, IReadOnlyList<TokenizedExample> records, IReadOnlyList<TokenizedExample> validation, InRunOptions options) =>
        new(model, records, validation, options, AdapterStack.Plan(model, options.Lora));

    /// <summary>By validation block, what a record was credited with.</summary>
    public IReadOnlyList<double> Credits(int record) => _credits[record];

    /// <summary>
    /// Σ_b c_b, and its standard error: each block is a draw of validation records with a part of the tokens, as in <see cref="ClusteredMean"/>.
    /// </summary>
    /// <param name="credits">By block.</param>
    /// <param name="shares">By block, its part of the counted tokens.</param>
    /// <param name="marginals">Steps that the record was in.</param>
    public static PlayerValue Value(IReadOnlyList<double> credits, IReadOnlyList<double> shares, int marginals)
    {
        double value = credits.Sum(), squares = credits.Zip(shares, (credit, share) => Math.Pow(credit - (value * share), 2)).Sum();
        double? error = shares.Count < 2 ? null : Math.Sqrt(squares * shares.Count / (shares.Count - 1));
        return new PlayerValue(value, error, marginals);
    }

    /// <summary>Trains to the end; goes on from the checkpoint if there is one, and keeps it up to date.</summary>
    public InRunResult Run(Action<int, int>? onStep, Action<int>? onResume, CancellationToken cancellation)
    {
        Begin(onResume);
        while (_client.IsActive)
        {
            if (cancellation.IsCancellationRequested)
            {
                Keep();
                cancellation.ThrowIfCancellationRequested();
            }

            if (!_isMeasured) MeasureBetween(cancellation);
            _validation.Values.AsSpan(0, _before.Length).CopyTo(_before);
            Step();
            _isMeasured = _options.Order == InRunOrder.Second || _client.Step % _options.ValidationEvery != 0;
            onStep?.Invoke(_client.Step, _client.TotalSteps);
            if (_client.IsActive && _client.Step % _options.CheckpointEvery == 0) Keep();
        }

        if (_options.Order == InRunOrder.First) MeasureBetween(cancellation);
        return new InRunResult
        {
            Values = [.. _credits.Select((credits, z) => Value(credits, _validation.Shares, _drawn[z]))],
            Before = -_lossBefore,
            After = -_validation.Loss,
            Losses = _client.Losses,
            TrainingTokens = _client.Tokens,
            ValidationTokens = _validationTokens,
        };
    }

    public void Dispose()
    {
        _arena.Dispose();
        _validation.Dispose();
        _records.Dispose();
        _adapter.Dispose();
    }

    /// <summary>Takes what is needed on the host, and goes on from the checkpoint if there is one.</summary>
    private void Begin(Action<int>? onResume)
    {
        int blocks = _validation.Shares.Count;
        _second = new float[_adapter.ParameterCount];
        _direction = new float[_validation.Count];
        _before = _options.Order == InRunOrder.Second ? new float[_validation.Count] : [];
        _products = new float[_side * blocks];
        _norms = new float[_side];
        if (_checkpoint?.Restore([_client], Trained, _backend, Annexed) is not { } json) return;
        InRunState? state = InRunState.Parse(json);
        if (state is not { Drawn: { } drawn, Credits: { } credits } || drawn.Length != _drawn.Length || credits.Length != _drawn.Length * blocks)
            throw _checkpoint.Mismatch("the credits of an in-run training of these records", "something else");
        (_lossBefore, _isMeasured, _validationTokens) = (state.Before, state.IsMeasured, state.ValidationTokens);
        drawn.CopyTo(_drawn, 0);
        for (int z = 0; z < _credits.Length; z++) credits.AsSpan(z * blocks, blocks).CopyTo(_credits[z]);
        _validation.Restore(state.Loss);
        onResume?.Invoke(_client.Step);
    }

    private TrainedValues Trained => new(_adapter.Flat, _pieces, _adapter, Gradients: null, Publish: null);

    private (string Name, TensorView Values)[] Annexed => [("validation_gradients", _validation.Gradients)];

    private void Keep()
    {
        if (_client.Step == 0) return;
        var state = new InRunState(_lossBefore, _validation.Loss, _isMeasured, _validationTokens, _drawn, [.. _credits.SelectMany(own => own)]);
        _checkpoint?.Save([_client], Trained, _backend, new CheckpointAnnex(state.ToJson(), Annexed));
    }

    /// <summary>Between two steps: whoever stops the measurement finds the steps before it kept.</summary>
    private void MeasureBetween(CancellationToken cancellation)
    {
        try
        {
            Measure(cancellation);
        }
        catch (OperationCanceledException)
        {
            _isMeasured = false;
            Keep();
            throw;
        }
    }

    private void Measure(CancellationToken cancellation)
    {
        _validation.Measure(_adapter.Flat.Values, cancellation);
        _validationTokens += _validation.Tokens;
        if (_client.Step == 0) _lossBefore = _validation.Loss;
    }

    /// <summary>One optimiser step, and what each of its records is credited with.</summary>
    private void Step()
    {
        _client.Begin();
        _records.Begin(_adapter.Flat.Values, _pieces);
        int[] members = [.. _client.MicroBatches.SelectMany(batch => batch)];
        AccumulateRecords();
        _backend.Fill(0, _adapter.Flat.Gradients);
        foreach (ParameterRange piece in _pieces)
            _backend.ColumnSum(_records.Gradients(piece, members.Length), AdapterCopies.Of(_adapter.Flat.Gradients, piece, 1, 1).Reshape(checked((int)piece.Count), 1));
        var norm = new float[1];
        _backend.GradNorm(_adapter.Flat.Gradients, _pieces, _adapter.Flat.Norms);
        _backend.Download<float>(_adapter.Flat.Norms, norm);
        AdamWSegment segment = _client.Segment();
        _backend.AdamW(
            _adapter.Flat.Gradients, _adapter.Flat.Norms, _pieces, [segment],
            _adapter.Flat.Values, _adapter.Flat.FirstMoments, _adapter.Flat.SecondMoments);
        _client.End(norm[0]);
        if (_client.Diverged) throw new RunFailedException($"in-run: the training diverged at step {_client.Losses.Count}");
        if (_options.Order == InRunOrder.Second) Measure(CancellationToken.None); // half a step cannot be kept
        Credit(members, segment, norm[0]);
    }

    /// <summary>The gradient of each record's share of the step's loss, on its own copy, in passes of as many records as fit.</summary>
    private void AccumulateRecords()
    {
        int copy = 0;
        foreach (int[] microBatch in _client.MicroBatches)
        {
            _batch.Clear();
            foreach (TokenizedExample example in microBatch.Select(i => _client.Examples[i]))
            {
                if (_batch.Rows + example.InputIds.Length > _maxRows) AccumulateBatch();
                _batch.AddSequence(example.InputIds, example.Labels, example.Starts, 1f / Math.Max(_client.Counted, 1));
                _batch.EndPart(copy++, 0, 0);
            }

            AccumulateBatch();
        }
    }

    private void AccumulateBatch()
    {
        _client.LossSum += _records.Accumulate(_batch);
        _batch.Clear();
    }

    /// <summary>φ_z += η gᵀ_z P g_val, block by block.</summary>
    private void Credit(int[] members, AdamWSegment segment, float norm)
    {
        double length = Direct(segment, norm);
        int blocks = _validation.Shares.Count;
        TensorView products = _arena[_dots].Slice(0, members.Length);
        for (int p = 0; p < _pieces.Length; p++)
        {
            TensorView directions = AdapterCopies.Of(_arena[_directions], _pieces[p], blocks, blocks);
            _backend.MatMul(_records.Gradients(_pieces[p], members.Length), false, directions, true, accumulate: p > 0, products);
        }

        _backend.Download<float>(products, _products.AsSpan(0, members.Length * blocks));
        if (_options.Normalised) _records.Norms(_norms);
        for (int k = 0; k < members.Length; k++)
        {
            double scale = segment.LearningRate;
            if (_options.Normalised) scale = _norms[k] * length > 0 ? scale / (_norms[k] * length) : 0;
            for (int b = 0; b < blocks; b++) _credits[members[k]][b] += scale * _products[(k * blocks) + b];
            _drawn[members[k]]++;
        }
    }

    /// <summary>Sends P g_val of every block to the backend.</summary>
    /// <returns>‖P g_val‖ of all blocks together.</returns>
    private double Direct(AdamWSegment segment, float norm)
    {
        // As the optimiser has it: see Backend.AdamW.
        double clip = segment.ClipNorm > 0 ? Math.Min(1, segment.ClipNorm / (norm + 1e-6)) : 1;
        double root = Math.Sqrt(1 - Math.Pow((double)(decimal)segment.Beta2, segment.Step));
        _backend.Download<float>(_adapter.Flat.SecondMoments, _second);
        int blocks = _validation.Shares.Count;
        float[] gradient = _validation.Values;
        double squares = 0;
        foreach (ParameterRange piece in _pieces)
        {
            for (int i = 0; i < piece.Count; i++)
            {
                // Where no gradient ever was there is no step either.
                double moment = _second[piece.Offset + i], sum = 0;
                double scale = moment > 0 ? clip / ((Math.Sqrt(moment) / root) + segment.Epsilon) : 0;
                for (int b = 0; b < blocks; b++)
                {
                    long at = (blocks * piece.Offset) + (b * piece.Count) + i;
                    double value = scale * (_before.Length > 0 ? 0.5 * ((double)_before[at] + gradient[at]) : gradient[at]);
                    _direction[at] = (float)value;
                    sum += value;
                }

                squares += sum * sum;
            }
        }

        _backend.Upload<float>(_direction, _arena[_directions]);
        return Math.Sqrt(squares);
    }
}
