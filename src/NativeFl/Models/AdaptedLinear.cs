using NativeFl.Finetuning;
using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// One linear layer with its adapter stacks: y = x Wᵀ + bias + Σ_k s_k (dropout(x) A_kᵀ) B_k on the rows of adapter k.
/// </summary>
internal sealed class AdaptedLinear(Transformer model, ModuleId id)
{
    public ModuleId Id => id;

    private PackedMatrix W => model.Weights.LinearOf(id);

    private TensorView Bias => model.Weights.Layers[id.Layer].Biases[(int)id.Projection];

    /// <summary>Whether the pass trains anything here.</summary>
    public bool Trains(PassContext pass) => pass.WeightGradients is not null || pass.Trained?.Stack[id] is not null;

    /// <summary>y = the layer's output.</summary>
    public void Forward(PassContext pass, TensorView x, TensorView shrunk, TensorView y)
    {
        var backend = pass.Backend;
        var module = pass.Trained?.Stack[id];
        var groups = module is null ? default : pass.Trained!.Groups(module, pass.Batch);
        var s = shrunk.IsEmpty && groups.Length > 0 ? pass.Shrunk(pass.Trained!.Columns(module!)) : shrunk;
        if (groups.Length > 0 && HasNothingElse(pass))
        {
            backend.LinearLoraForward(x, W, Bias, module!.A, module.B, groups, s, y);
            return;
        }

        backend.LinearForward(x, W, Bias, false, y);
        if (pass.Frozen?.Stack[id] is { } frozen)
        {
            var beside = pass.Frozen.Groups(frozen, pass.Batch);
            if (beside.Length > 0) backend.LoraForward(x, frozen.A, frozen.B, beside, pass.Shrunk(pass.Frozen.Columns(frozen)), y);
        }

        if (groups.Length > 0) backend.LoraForward(Dropped(pass, x), module!.A, module.B, groups, s, y);
    }

    /// <summary>Gradients of whatever trains here, and dx = or += the input's gradient unless <paramref name="dx"/> is empty.</summary>
    public void Backward(PassContext pass, TensorView dy, TensorView x, TensorView shrunk, bool accumulate, TensorView dx)
    {
        var backend = pass.Backend;
        var module = pass.Trained?.Stack[id];
        var groups = module is null ? default : pass.Trained!.Groups(module, pass.Batch);
        if (groups.Length > 0 && pass.WeightGradients is null && HasNothingElse(pass))
        {
            backend.LinearLoraBackward(
                dy, W, x, module!.A, module.B, shrunk, groups, accumulate, pass.ShrunkGradient(shrunk.Columns), module.GradientA, module.GradientB, dx);
            return;
        }

        if (!dx.IsEmpty) backend.LinearBackward(dy, W, accumulate, dx);
        if (pass.WeightGradients is { } gradients)
        {
            backend.MatMul(dy, true, x, false, true, gradients[id.Name + ".weight"]);
            if (!Bias.IsEmpty) backend.ColumnSum(dy, gradients[id.Name + ".bias"]);
        }

        if (pass.Frozen?.Stack[id] is { } frozen && !dx.IsEmpty)
        {
            var beside = pass.Frozen.Groups(frozen, pass.Batch);
            int columns = pass.Frozen.Columns(frozen);
            if (beside.Length > 0)
                backend.LoraBackward(dy, x, frozen.A, frozen.B, pass.Shrunk(columns), beside, pass.ShrunkGradient(columns), default, default, dx);
        }

        if (groups.Length > 0) BackwardTrained(pass, module!, groups, dy, x, shrunk, dx);
    }

    /// <summary>Whether W and the adapters that train are all there is, on the same x.</summary>
    private bool HasNothingElse(PassContext pass) => pass.Dropout == 0 && pass.Frozen?.Stack[id] is null;

    private void BackwardTrained(
        PassContext pass, StackModule module, ReadOnlySpan<LoraGroup> groups, TensorView dy, TensorView x, TensorView shrunk, TensorView dx)
    {
        var ds = pass.ShrunkGradient(shrunk.Columns);
        if (pass.Dropout == 0)
        {
            pass.Backend.LoraBackward(dy, x, module.A, module.B, shrunk, groups, ds, module.GradientA, module.GradientB, dx);
            return;
        }

        var dropped = Dropped(pass, x);
        var dDropped = dx.IsEmpty ? default : pass.DroppedGradient(x.Columns);
        if (!dDropped.IsEmpty) pass.Backend.Fill(0, dDropped);
        pass.Backend.LoraBackward(dy, dropped, module.A, module.B, shrunk, groups, ds, module.GradientA, module.GradientB, dDropped);
        if (!dx.IsEmpty) pass.Backend.DropoutBackward(dDropped, pass.DropoutRows, id.Index, pass.Dropout, dx);
    }

    private TensorView Dropped(PassContext pass, TensorView x)
    {
        if (pass.Dropout == 0) return x;
        var dropped = pass.Dropped(x.Columns);
        pass.Backend.DropoutForward(x, pass.DropoutRows, id.Index, pass.Dropout, dropped);
        return dropped;
    }
}
