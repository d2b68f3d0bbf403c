namespace NativeFl.DataRefinement;

/// <summary>How far <see cref="InRunValues"/> follows the effect of a step on the validation loss.</summary>
public enum InRunOrder
{
    /// <summary>By the gradient before the step.</summary>
    First,

    /// <summary>By the gradient and the curvature along the step.</summary>
    Second,
}
