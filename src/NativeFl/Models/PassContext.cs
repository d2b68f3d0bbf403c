using System.Runtime.InteropServices;
using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>What the layers of one pass share: the batch on the device, the adapter stacks in use, and scratch room.</summary>
internal sealed class PassContext : IDisposable
{
    private readonly Arena _arena;
    private readonly Slot _tokens, _positions, _headRows, _targets, _targetWeights, _cacheRows;
    private readonly Slot _normed, _wide, _dropped, _droppedGradient, _shrunk, _shrunkGradient;
    private readonly List<DropoutRows> _dropoutRows = [];

    public PassContext(Transformer model, PassOptions options, StackUse? trained, StackUse? frozen, bool dropout)
    {
        Model = model;
        Trained = trained;
        Frozen = frozen;
        Dropout = options.Dropout;
        WeightGradients = options.WeightGradients;
        var config = model.Config;
        var type = model.Backend.ActivationType;
        int rows = options.MaxRows, widest = Math.Max(config.IntermediateSize, Math.Max(config.HiddenSize, config.Heads * config.HeadWidth));
        var plan = new MemoryPlan("scratch");
        _tokens = plan.Add("token ids", new Shape(rows), DType.I32);
        _positions = plan.Add("positions", new Shape(rows), DType.I32);
        _headRows = plan.Add("counted rows", new Shape(options.MaxHeadRows), DType.I32);
        _targets = plan.Add("targets", new Shape(options.MaxHeadRows), DType.I32);
        _targetWeights = plan.Add("target weights", new Shape(options.MaxHeadRows));
        _cacheRows = plan.Add("cache rows", new Shape(rows), DType.I32);
        _normed = plan.Add("norm output", new Shape(rows, config.HiddenSize), type);
        _wide = plan.Add("wide", new Shape(rows, widest), type);
        _dropped = plan.Add("dropout output", new Shape(dropout ? rows : 0, widest), type);
        _droppedGradient = plan.Add("dropout gradient", new Shape(dropout && options.Backward ? rows : 0, widest), type);
        int columns = Math.Max(1, new[] { trained, frozen }.OfType<StackUse>().SelectMany(u => u.Stack.Modules.Select(u.Columns)).DefaultIfEmpty(0).Max());
        _shrunk = plan.Add("A x", new Shape(rows, columns));
        _shrunkGradient = plan.Add("A x gradient", new Shape(options.Backward ? rows : 0, columns));
        Plan = plan;
        _arena = new Arena(model.Backend, plan);
    }

    public Transformer Model { get; }

    public Backend Backend => Model.Backend;

    /// <summary>The table of this scratch room.</summary>
    public MemoryPlan Plan { get; }

    /// <summary>Each row through its own adapter, with gradients if the pass has a backward; or null.</summary>
    public StackUse? Trained { get; }

    /// <summary>A weighted stack under all rows, or null.</summary>
    public StackUse? Frozen { get; }

    public WeightGradients? WeightGradients { get; }

    public float Dropout { get; }

    /// <summary>The batch of this pass.</summary>
    public TokenBatch Batch { get; private set; } = new();

    public int Rows => Batch.Rows;

    public ReadOnlySpan<DropoutRows> DropoutRows => CollectionsMarshal.AsSpan(_dropoutRows);

    public TensorView Tokens => _arena[_tokens].Slice(0, Rows);

    public TensorView Positions => _arena[_positions].Slice(0, Rows);

    public TensorView HeadRows => _arena[_headRows].Slice(0, Batch.HeadRows.Length);

    public TensorView Targets => _arena[_targets].Slice(0, Batch.HeadRows.Length);

    public TensorView TargetWeights => _arena[_targetWeights].Slice(0, Batch.HeadRows.Length);

    public TensorView CacheRows => _arena[_cacheRows].Slice(0, Batch.CacheRows.Length);

    /// <summary>(N, C): the output of the norm in use, and then of the half block that read it.</summary>
    public TensorView Normed => _arena[_normed].Slice(0, Rows);

    /// <summary>Takes a batch and sends its indices to the device.</summary>
    public void Begin(TokenBatch batch)
    {
        Batch = batch;
        Backend.Upload(batch.Tokens, Tokens);
        Backend.Upload(batch.Positions, Positions);
        Backend.Upload(batch.HeadRows, HeadRows);
        Backend.Upload(batch.Targets, Targets);
        Backend.Upload(batch.TargetWeights, TargetWeights);
        Backend.Upload(batch.CacheRows, CacheRows);
        _dropoutRows.Clear();
        foreach (var part in batch.Parts) _dropoutRows.Add(new DropoutRows(part.RowStart, part.RowCount, part.Seed, part.Step));
    }

    /// <summary>(N, columns), overwritten by the next user.</summary>
    public TensorView Wide(int columns) => Cut(_wide, columns);

    public TensorView Dropped(int columns) => Cut(_dropped, columns);

    public TensorView DroppedGradient(int columns) => Cut(_droppedGradient, columns);

    public TensorView Shrunk(int columns) => Cut(_shrunk, columns);

    public TensorView ShrunkGradient(int columns) => Cut(_shrunkGradient, columns);

    public void Dispose() => _arena.Dispose();

    private TensorView Cut(Slot slot, int columns)
    {
        var room = _arena[slot];
        if (columns > room.Columns || Rows > room.Rows)
            throw new ArgumentException($"{slot.Name}: planned for {room.Shape}, asked for ({Rows}, {columns})", nameof(columns));
        return new TensorView(room.Pointer, new Shape(Rows, columns), room.DType);
    }
}
