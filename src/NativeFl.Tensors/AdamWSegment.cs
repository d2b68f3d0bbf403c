namespace NativeFl.Tensors;

/// <summary>AdamW's numbers for one segment at one step. A segment that does not step has <see cref="Step"/> 0 and is left untouched.</summary>
/// <param name="Step">The segment's own step count t, from 1.</param>
/// <param name="LearningRate">The rate of this step.</param>
/// <param name="WeightDecay">Decoupled decay λ.</param>
/// <param name="ClipNorm">Gradients are scaled by min(1, ClipNorm / (norm + 1e-6)); 0 = no clipping.</param>
/// <param name="Beta1">First-moment decay.</param>
/// <param name="Beta2">Second-moment decay.</param>
/// <param name="Epsilon">ε, added outside the root.</param>
public readonly record struct AdamWSegment(
    int Step, float LearningRate, float WeightDecay, float ClipNorm, float Beta1 = 0.9f, float Beta2 = 0.999f, float Epsilon = 1e-8f);
