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

    /// <summary>y = or += the layer's output.</summary>
    public void Forward(PassContext pass, TensorView x, bool accumulate, TensorView shrunk, TensorView y)
    {
        pass.Backend.LinearForward(x, W, Bias, accumulate, y);
        if (pass.Frozen?.Stack[id] is { } frozen)
        {
            var groups = pass.Frozen.Groups(frozen, pass.Batch);
            if (groups.Length > 0) pass.Backend.LoraForward(x, frozen.A, frozen.B, groups, pass.Shrunk(pass.Frozen.Columns(frozen)), y);
        }

        if (pass.Trained?.Stack[id] is { } module)
        {
            var groups = pass.Trained.Groups(module, pass.Batch);
            if (groups.Length == 0) return;
            var s = shrunk.IsEmpty ? pass.Shrunk(pass.Trained.Columns(module)) : shrunk;
            pass.Backend.LoraForward(Dropped(pass, x), module.A, module.B, groups, s, y);
        }
    }

    /// <summary>Gradients of whatever trains here, and dx = or += the input's gradient unless <paramref name="dx"/> is empty.</summary>
    public void Backward(PassContext pass, TensorView dy, TensorView x, TensorView shrunk, bool accumulate, TensorView dx)
    {
        if (!dx.IsEmpty) pass.Backend.LinearBackward(dy, W, accumulate, dx);
        if (pass.WeightGradients is { } gradients)
        {
            pass.Backend.MatMul(dy, true, x, false, true, gradients[id.Name + ".weight"]);
            if (!Bias.IsEmpty) pass.Backend.ColumnSum(dy, gradients[id.Name + ".bias"]);
        }

        if (pass.Frozen?.Stack[id] is { } frozen && !dx.IsEmpty)
        {
            var groups = pass.Frozen.Groups(frozen, pass.Batch);
            int columns = pass.Frozen.Columns(frozen);
            if (groups.Length > 0)
            {
                pass.Backend.LoraBackward(
                    dy, x, frozen.A, frozen.B, pass.Shrunk(columns), groups, pass.ShrunkGradient(columns), default, default, dx);
            }
        }

        if (pass.Trained?.Stack[id] is { } module) BackwardTrained(pass, module, dy, x, shrunk, dx);
    }

    private void BackwardTrained(
        PassContext pass, Finetuning.StackModule module, TensorView dy, TensorView x, TensorView shrunk, TensorView dx)
    {
        var groups = pass.Trained!.Groups(module, pass.Batch);
        if (groups.Length == 0) return;
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
