using System.Globalization;
using System.Runtime.CompilerServices;
using DpSgd.Accounting;

// Uses every corner of the library that could need what trimming removes, and prints numbers. The same numbers must come
// from the program as it is built and from the one that was compiled ahead of time.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
DpEvent step = new PoissonSampledDpEvent(250.0 / 60_000, new GaussianDpEvent(1.3));
DpEvent[] others =
[
    new LaplaceDpEvent(20), new DiscreteGaussianDpEvent(30), new DiscreteLaplaceDpEvent(0.01, 2), new EpsilonDeltaDpEvent(0.1, 1e-9),
    new ZCDpEvent(1e-4), new ExponentialMechanismDpEvent(0.01), new PermuteAndFlipDpEvent(0.01),
    new ComposedDpEvent([new SelfComposedDpEvent(new GaussianDpEvent(50), 3), new NoOpDpEvent()]),
];

var rdp = new RdpAccountant();
rdp.Compose(step, 720);
Print("rdp epsilon", rdp.GetEpsilon(1e-5));
Print("rdp epsilon of all orders", rdp.GetEpsilonAndOptimalOrderOfAll(1e-5).Epsilon);
foreach (var other in others)
    rdp.Compose(other);
Print("rdp of everything", rdp.GetEpsilon(1e-5));
Print("rdp read back", RdpAccountant.FromJson(rdp.ToJson()).GetEpsilon(1e-5));

var pld = new PldAccountant();
pld.Compose(step, 720);
Print("pld epsilon", pld.GetEpsilon(1e-5));
Print("pld lower bound", pld.GetEpsilonLowerBound(1e-5));
pld.Compose(new MixtureOfGaussiansDpEvent(9, [0, 1, 2], [0.9, 0.09, 0.01]), 5);
pld.Compose(new TruncatedSubsampledGaussianDpEvent(1000, 0.01, 20, 8), 5);
Print("pld read back", PldAccountant.FromJson(pld.ToJson()).GetEpsilon(1e-5));

Print("noise", NoiseCalibration.FindNoiseMultiplier(1, 1e-5, 250.0 / 60_000, 720));
Print("gaussian", GaussianMechanism.GetEpsilon(1, 1e-5));
Console.WriteLine(DpSgdPrivacy.Statement(60_000, 250, 1.3, 3, 1e-5));
Console.WriteLine(RuntimeFeature.IsDynamicCodeSupported ? "compiled just in time" : "compiled ahead of time");

static void Print(string name, double value) => Console.WriteLine($"{name} = {value:R}");
