// Texts about nothing in particular. How close a question comes to them tells how close anything comes to anything for
// this model, so that what is no closer is not shown for an answer: also where a device has three texts in all.

export const YARDSTICKS: readonly string[] = [
  "The train to the coast leaves at half past seven.",
  "She has two brothers and a small dog.",
  "Add a pinch of salt and stir until it boils.",
  "The museum is closed on Mondays.",
  "He scored in the last minute of the match.",
  "Rain is expected in the north tomorrow.",
  "Our rent was raised again this year.",
  "The melody repeats three times before the end.",
  "Die Brücke wurde im vorigen Jahrhundert gebaut.",
  "Im Herbst ziehen die Vögel nach Süden.",
  "Le comité votera la proposition au mois de mai.",
  "Nous avons planté un cerisier derrière la maison.",
  "El precio del cobre bajó un dos por ciento.",
  "As crianças aprendem a ler aos seis anos.",
  "Луна сегодня прячется за облаками.",
  "这家餐厅的面条很有名。",
];
