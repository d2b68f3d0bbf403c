namespace NativeFl.DataRefinement;

/// <summary>One start of k-means and where it came to rest.</summary>
/// <param name="Labels">By record, the centre nearest to it.</param>
/// <param name="Centres">(K, C), what the labels were chosen by.</param>
/// <param name="Inertias">Σ of squared distances to the nearest centre, of every iteration; the last one is that of the labels.</param>
internal sealed record KMeansRun(int[] Labels, float[] Centres, IReadOnlyList<double> Inertias)
{
    public double Inertia => Inertias[^1];
}
