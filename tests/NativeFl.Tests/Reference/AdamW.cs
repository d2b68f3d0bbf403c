using NativeFl.Tensors;

namespace NativeFl.Tests.Reference;

/// <summary>torch.optim.AdamW after torch.nn.utils.clip_grad_norm_, as their documentation writes them. Plain loops in double.</summary>
internal static class AdamW
{
    public static void Step(
        double[] gradients, ParameterRange[] ranges, AdamWSegment[] segments, double[] parameters, double[] firstMoments, double[] secondMoments)
    {
        double[] norms = GradNorm.Forward(gradients, ranges, segments.Length);
        foreach (ParameterRange range in ranges)
        {
            AdamWSegment s = segments[range.Segment];
            if (s.Step == 0 || !double.IsFinite(norms[range.Segment])) continue;
            double beta1 = Math.Round(s.Beta1, 6), beta2 = Math.Round(s.Beta2, 6);
            double clip = s.ClipNorm > 0 ? Math.Min(1, s.ClipNorm / (norms[range.Segment] + 1e-6)) : 1;
            for (long i = range.Offset; i < range.Offset + range.Count; i++)
            {
                double g = gradients[i] * clip;
                if (range.Decays) parameters[i] -= (double)s.LearningRate * s.WeightDecay * parameters[i];
                firstMoments[i] = (beta1 * firstMoments[i]) + ((1 - beta1) * g);
                secondMoments[i] = (beta2 * secondMoments[i]) + ((1 - beta2) * g * g);
                double first = firstMoments[i] / (1 - Math.Pow(beta1, s.Step)), second = secondMoments[i] / (1 - Math.Pow(beta2, s.Step));
                parameters[i] -= s.LearningRate * first / (Math.Sqrt(second) + s.Epsilon);
            }
        }
    }
}
