using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Finetuning;

/// <summary>
/// Trains any number of clients in one pass over the base. Each keeps its own loss denominator, gradient norm and clip, step count,
/// schedule, data order and dropout, so that together equals one by one; a client that is finished or has diverged leaves the batch.
/// </summary>
internal sealed class TrainingRun : IDisposable
{
    private readonly Transformer _model;
    private readonly TrainingClient[] _clients;
    private readonly TrainedValues _trained;
    private readonly TransformerPass _pass;
    private readonly TokenBatch _batch = new();
    private readonly AdamWSegment[] _segments;
    private readonly float[] _norms, _losses;
    private readonly Arena? _start;
    private readonly TensorView _startValues;

    /// <param name="model">The base.</param>
    /// <param name="clients">Client k owns segment k of <paramref name="trained"/>.</param>
    /// <param name="trained">What trains.</param>
    /// <param name="frozen">A weighted stack under all rows, or null.</param>
    public TrainingRun(Transformer model, TrainingClient[] clients, TrainedValues trained, StackUse? frozen)
    {
        (_model, _clients, _trained) = (model, clients, trained);
        var largest = clients.Select(c => c.Largest()).ToArray();
        var options = new PassOptions
        {
            MaxRows = largest.Sum(l => l.Rows),
            MaxHeadRows = largest.Sum(l => l.Counted),
            Backward = true,
            Dropout = (float)clients[0].Options.Dropout,
            WeightGradients = trained.Gradients,
        };
        var use = trained.Stack is null ? null : new StackUse(trained.Stack, weights: null, trains: true);
        _pass = new TransformerPass(model, options, use, frozen);
        _segments = new AdamWSegment[clients.Length];
        _norms = new float[clients.Length];
        _losses = new float[options.MaxHeadRows];
        if (!clients.Any(c => c.Options.ProximalMu != 0)) return;
        var plan = new MemoryPlan("proximal start");
        var slot = plan.Add("values", trained.Flat.Values.Shape);
        _start = new Arena(model.Backend, plan);
        _startValues = _start[slot];
        model.Backend.Copy(trained.Flat.Values, _startValues);
    }

    public bool IsActive => Array.Exists(_clients, c => c.IsActive);

    /// <summary>One optimiser step of every active client.</summary>
    public void Step(ITrainingObserver? observer)
    {
        var backend = _model.Backend;
        foreach (var client in _clients)
        {
            if (client.IsActive) client.Begin();
        }

        backend.Fill(0, _trained.Flat.Gradients);
        int microBatches = _clients.Where(c => c.IsActive).Max(c => c.MicroBatches.Count);
        for (int a = 0; a < microBatches; a++) Accumulate(a);
        AddProximalGradients();
        backend.GradNorm(_trained.Flat.Gradients, _trained.Ranges, _trained.Flat.Norms);
        for (int k = 0; k < _clients.Length; k++)
            _segments[k] = _clients[k].IsActive && double.IsFinite(_clients[k].LossSum) ? _clients[k].Segment() : default;
        backend.AdamW(
            _trained.Flat.Gradients, _trained.Flat.Norms, _trained.Ranges, _segments,
            _trained.Flat.Values, _trained.Flat.FirstMoments, _trained.Flat.SecondMoments);
        _trained.Publish?.Invoke();
        backend.Download<float>(_trained.Flat.Norms, _norms);
        for (int k = 0; k < _clients.Length; k++)
        {
            if (!_clients[k].IsActive) continue;
            var step = _clients[k].End(_norms[k]);
            observer?.OnStep(step);
        }
    }

    /// <summary>Steps until every client is done; resumes from the checkpoint if there is one, and keeps it up to date.</summary>
    public void ToTheEnd(TrainingCheckpoint? checkpoint, ITrainingObserver? observer, CancellationToken cancellation)
    {
        checkpoint?.Restore(_clients, _trained, _model.Backend);
        for (int step = 1; IsActive; step++)
        {
            if (cancellation.IsCancellationRequested)
            {
                checkpoint?.Save(_clients, _trained, _model.Backend);
                cancellation.ThrowIfCancellationRequested();
            }

            Step(observer);
            try
            {
                observer?.OnPass(_clients.Max(c => c.Step), _trained.Stack);
            }
            catch (OperationCanceledException)
            {
                // A measurement was cut short; the step before it is done, and kept.
                checkpoint?.Save(_clients, _trained, _model.Backend);
                throw;
            }

            if (step % (checkpoint?.Every ?? int.MaxValue) == 0) checkpoint?.Save(_clients, _trained, _model.Backend);
        }
    }

    public void Dispose()
    {
        _start?.Dispose();
        _pass.Dispose();
    }

    /// <summary>Micro-batch a of every active client that has one: forward, losses, backward.</summary>
    private void Accumulate(int a)
    {
        _batch.Clear();
        for (int k = 0; k < _clients.Length; k++)
        {
            var client = _clients[k];
            if (!client.IsActive || a >= client.MicroBatches.Count) continue;
            float weight = 1f / Math.Max(client.Counted, 1);
            foreach (int i in client.MicroBatches[a])
            {
                var example = client.Examples[i];
                _batch.AddSequence(example.InputIds, example.Labels, example.Starts, weight);
            }

            _batch.EndPart(k, client.Seed, client.MicroStep++);
        }

        _pass.Train(_batch, _losses);
        int head = 0;
        var rows = _batch.HeadRows;
        foreach (var part in _batch.Parts)
        {
            double sum = 0;
            for (; head < rows.Length && rows[head] < part.RowStart + part.RowCount; head++) sum += _losses[head];
            _clients[part.Adapter].LossSum += sum;
        }
    }

    /// <summary>FedProx: gradient += μ (θ − θ_start) on the ranges of clients that ask for it.</summary>
    private void AddProximalGradients()
    {
        foreach (var range in _trained.Ranges)
        {
            if (!_clients[range.Segment].IsActive || _clients[range.Segment].Options.ProximalMu == 0) continue;
            float mu = (float)_clients[range.Segment].Options.ProximalMu;
            TensorView Cut(TensorView buffer) => FlatParameters.Matrix(buffer, range.Offset, checked((int)range.Count), 1);
            _model.Backend.AddScaled(Cut(_trained.Flat.Values), mu, Cut(_trained.Flat.Gradients));
            _model.Backend.AddScaled(Cut(_startValues), -mu, Cut(_trained.Flat.Gradients));
        }
    }
}
