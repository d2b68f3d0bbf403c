namespace NativeFl.DataRefinement;

/// <summary>mean[c] = (1/T) Σ_t states[t, c], summed in double over tokens in order.</summary>
internal static class MeanPooling
{
    public static void Pool(ReadOnlySpan<float> states, Span<float> mean)
    {
        int width = mean.Length, tokens = states.Length / width;
        var sums = new double[width];
        for (int t = 0; t < tokens; t++)
        {
            ReadOnlySpan<float> row = states.Slice(t * width, width);
            for (int c = 0; c < width; c++) sums[c] += row[c];
        }

        for (int c = 0; c < width; c++) mean[c] = (float)(sums[c] / tokens);
    }
}
